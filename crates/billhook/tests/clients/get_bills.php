<?php
// Asks GetBills as sellers' programs do and prints the list: signs with MD5 over http_build_query, posts with cURL, checks the
// answer's signature. usage: php get_bills.php URL LOGIN KEY EMAIL [PAY_STATUS]
[, $url, $login, $key, $email] = $argv;

$form = ['email' => $email];
if (isset($argv[5])) {
    $form['pay_status'] = $argv[5];
}
$form['hash'] = md5(http_build_query($form) . "::$login::$key");

$curl = curl_init($url);
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => http_build_query($form),
    CURLOPT_SSL_VERIFYPEER => false, // anybody's certificate ...
    CURLOPT_SSL_VERIFYHOST => 2,     // ... but for this very name
    CURLOPT_RETURNTRANSFER => true,
]);
$body = curl_exec($curl);
if ($body === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(2);
}

$answer = json_decode($body);
if (md5("{$answer->error_code}::{$answer->error_text}::$key") != $answer->hash) {
    fwrite(STDERR, "the answer is not signed with this key\n");
    exit(3);
}
if ($answer->error_code != 0) {
    echo "{$answer->error_code} {$answer->error_text}\n";
    exit(1);
}
print_r($answer->result);
