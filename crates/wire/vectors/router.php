<?php
// Shows, for `php -S`, what PHP made of the body: generate.php asks it.

/** Bytes as text that JSON can hold: each byte becomes the code point of its number. */
function latin1(string $bytes): string
{
    return iconv('ISO-8859-1', 'UTF-8', $bytes);
}

/** An array as a list of key, value, key, value and so on, so that JSON keeps its order and the types of its keys. */
function pairs(array $array): array
{
    $pairs = [];
    foreach ($array as $key => $value) {
        array_push($pairs, is_int($key) ? $key : latin1($key), is_array($value) ? pairs($value) : latin1($value));
    }
    return $pairs;
}

if (PHP_SAPI === 'cli-server') {
    $without = $_POST;
    unset($without['hash']);
    echo json_encode(['post' => pairs($_POST), 'query' => http_build_query($_POST), 'unsigned' => http_build_query($without)]);
}
