<?php
// A receiver for products' URLs. It refuses what does not come from your account.
$key = 'YOUR_KEY';
$body = file_get_contents('php://input');
preg_match('/^t=(\d+),v1=(\w+)$/', $_SERVER['HTTP_BILLHOOK_SIGNATURE'] ?? '', $sent);
if (!$sent || abs(time() - $sent[1]) > 300
    || !hash_equals(hash_hmac('sha256', "$sent[1].$body", $key), $sent[2])) {
    http_response_code(400);
    exit('Billhook-Signature is wrong');
}
$has_created = in_array($_POST['status'] ?? '', ['new_order', 'cancel_order']);
$time = $_POST['paid'] ?? ($has_created ? $_POST['created'] : '');
if (!hash_equals(md5($_POST['id'] . $_POST['email'] . $time . $key), $_POST['hash'])) {
    http_response_code(400);
    exit('hash is wrong');
}
// An event may come twice: skip it if you know its $_SERVER['HTTP_WEBHOOK_ID'].
