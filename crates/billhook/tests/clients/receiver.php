<?php
// A receiver of order events, written to the documentation alone: `php -S ADDRESS receiver.php`. It checks both
// hashes, and notes what it took in the file that EVENTS names.

$key = getenv('KEY');
$body = file_get_contents('php://input');

// Section 2.4: the time is the payment's where the event has one; forms without `created` in the hash have none.
$status = $_POST['status'] ?? '';
if (isset($_POST['last_payment_sum'])) {
    $time = $_POST['paid'];
} elseif (isset($_POST['prepayment_sum']) || $status === 'moneyback') {
    $time = '';
} else {
    $time = $_POST['created'];
}
$hash = md5($_POST['id'] . $_POST['email'] . $time . $key);
$has_hash = hash_equals($hash, $_POST['hash'] ?? '');

// Section 2.7: HMAC-SHA256 over time and body.
$has_signature = preg_match('/^t=(\d+),v1=([0-9a-f]{64})$/', $_SERVER['HTTP_BILLHOOK_SIGNATURE'] ?? '', $parts)
    && abs(time() - (int) $parts[1]) < 300
    && hash_equals(hash_hmac('sha256', $parts[1] . '.' . $body, $key), $parts[2]);

if (!$has_hash || !$has_signature) {
    http_response_code(400);
    exit(($has_hash ? '' : 'hash ') . ($has_signature ? '' : 'signature '));
}
$event = [
    'id' => $_SERVER['HTTP_WEBHOOK_ID'],
    'signature' => $_SERVER['HTTP_BILLHOOK_SIGNATURE'],
    'body' => $body,
    'form' => $_POST,
    'again' => http_build_query($_POST),
];
file_put_contents(getenv('EVENTS'), json_encode($event) . "\n", FILE_APPEND | LOCK_EX);
echo 'OK';
