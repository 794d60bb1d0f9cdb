<?php
// Says what PHP makes of what it is given: of forms that are posted to it, and of everything else a line at a time.

if (PHP_SAPI === 'cli-server') {
    echo serialize($_POST);
    return;
}

$tasks = [
    'parse_str' => function (string $body): string {
        parse_str($body, $variables);
        return serialize($variables);
    },
    'http_build_query' => fn (string $array): string => http_build_query(unserialize($array, ['allowed_classes' => false])),
    'json_encode' => fn (string $value): string|false => json_encode(unserialize($value, ['allowed_classes' => ['stdClass']])),
];

while (($line = fgets(STDIN)) !== false) {
    $inputs = explode(' ', rtrim($line, "\n"));
    $task = $tasks[array_shift($inputs)];
    foreach ($inputs as &$input) {
        $answer = $task(base64_decode($input));
        $input = $answer === false ? 'false' : base64_encode($answer);
    }
    unset($input);
    fwrite(STDOUT, implode(' ', $inputs) . "\n");
}
