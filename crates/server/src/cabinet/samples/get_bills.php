<?php
// {{COMMENT}}
$url = {{URL}};
$login = {{LOGIN}};
$key = {{KEY}};

$form = ['email' => 'anna@example.com', 'pay_status' => 'paid'];
$form['hash'] = md5(http_build_query($form) . "::$login::$key");

$curl = curl_init($url);
curl_setopt_array($curl, [
    CURLOPT_POSTFIELDS => http_build_query($form),
    CURLOPT_RETURNTRANSFER => true,
]);
$answer = json_decode(curl_exec($curl));

if ($answer->hash !== md5("$answer->error_code::$answer->error_text::$key")) {
    exit("The answer is not signed with our key.\n");
}
if ($answer->error_code != 0) {
    exit("$answer->error_code $answer->error_text\n");
}
print_r($answer->result);
