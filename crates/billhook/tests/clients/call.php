<?php
// Calls any method as sellers' programs do, and prints the answer as json_decode sees it. HOW is `hash`: signed with MD5 over
// http_build_query; `key`: with rpsKey; `multipart`: with rpsKey, an array given to cURL. FORM is JSON.
// usage: php call.php URL LOGIN KEY HOW FORM
[, $url, $login, $key, $how, $form] = $argv;

$form = json_decode($form, true, 512, JSON_THROW_ON_ERROR);
if ($how === 'hash') {
    $form['hash'] = md5(http_build_query($form) . "::$login::$key");
} else {
    $form['rpsKey'] = $key;
}

$curl = curl_init($url);
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => $how === 'multipart' ? $form : http_build_query($form),
    CURLOPT_RETURNTRANSFER => true,
]);
$body = curl_exec($curl);
if ($body === false) {
    fwrite(STDERR, curl_error($curl) . "\n");
    exit(2);
}

$answer = json_decode($body, true);
if (md5("{$answer['error_code']}::{$answer['error_text']}::$key") !== $answer['hash']) {
    fwrite(STDERR, "the answer is not signed with this key\n");
    exit(3);
}
echo "{$answer['error_code']} {$answer['error_text']}\n";
var_export($answer['result']);
