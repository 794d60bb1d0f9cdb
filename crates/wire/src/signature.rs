//! All signatures (section 2): of requests, answers, and whole bodies.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{Code, Key, Login, OrderId};

/// SHA-256 in lowercase hex: what is kept of a secret.
pub fn sha256(bytes: &[u8]) -> String {
    text(&sha256_hex([bytes]))
}

/// The hash over a request: lowercase hex of `md5(query + "::" + login + "::" + key)`.
pub fn request(query: &[u8], login: &Login, key: &Key) -> [u8; 32] {
    RequestHash::new([query], login.as_str().as_bytes()).with_key(key.reveal().as_bytes())
}

/// A request's hash before the key, so that several keys can be tried.
pub(crate) struct RequestHash(Md5);

impl RequestHash {
    /// Hashes the query, in parts, and the login.
    pub(crate) fn new(query: impl IntoIterator<Item: AsRef<[u8]>>, login: &[u8]) -> Self {
        let mut md5 = query.into_iter().fold(Md5::new(), Md5::chain_update);
        md5.update(b"::");
        md5.update(login);
        md5.update(b"::");
        Self(md5)
    }

    pub(crate) fn with_key(&self, key: &[u8]) -> [u8; 32] {
        lower_hex(self.0.clone().chain_update(key).finalize().into())
    }
}

/// The hash of an answer: lowercase hex of `md5(error_code + "::" + error_text + "::" + key)`. The key is
/// empty if no account is known (decision 3).
pub fn answer(code: Code, error_text: &str, key: Option<&Key>) -> String {
    answer_of(i64::from(code.number()), error_text, key)
}

/// Like [`answer`], with any number.
pub(crate) fn answer_of(error_code: i64, error_text: &str, key: Option<&Key>) -> String {
    let number = error_code.to_string();
    text(&md5_hex([number.as_str(), "::", error_text, "::", key.map_or("", Key::reveal)]))
}

/// The hash in an event's form: lowercase hex of `md5(id + email + time + key)` (section 2.4).
pub(crate) fn event(order: OrderId, email: &str, time: &str, key: &Key) -> String {
    text(&md5_hex([order.to_string().as_str(), email, time, key.reveal()]))
}

/// The value of the header `Billhook-Signature`: `t=UNIXTIME,v1=HEX`, HMAC-SHA256 over `UNIXTIME.BODY`.
pub fn body(key: &Key, unix_time: i64, body: &[u8]) -> String {
    let mut header = format!("t={unix_time},v1=");
    header.push_str(&text(&body_hmac(key, unix_time, body)));
    header
}

/// The secret of a webhook endpoint that these random bytes make.
pub fn webhook_secret(random: [u8; 24]) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(random))
}

/// The value of the header `webhook-signature`, as Standard Webhooks has it: a signature with each of the secrets.
/// A secret is `whsec_` and Base64; one that is not signs nothing.
pub fn webhook<'a>(
    secrets: impl IntoIterator<Item = &'a str>,
    id: &str,
    unix_time: i64,
    body: &[u8],
) -> String {
    let prefix = format!("{id}.{unix_time}.");
    let sign = |secret: &str| {
        let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
        let mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?;
        let mac = mac.chain_update(&prefix).chain_update(body);
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.into_iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}

/// Why a `Billhook-Signature` is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not `t=UNIXTIME,v1=HEX`.
    #[error("the header Billhook-Signature is malformed: it should be t=UNIXTIME,v1=64 hex digits")]
    Malformed,
    /// It is too old; the answer may be a replay.
    #[error("the signature is {seconds} seconds old: the answer is a replay, or the clocks differ")]
    TooOld {
        /// Its age.
        seconds: u64,
    },
    /// Its time is in the future.
    #[error("the signature is {seconds} seconds in the future: the clocks differ")]
    InTheFuture {
        /// How much later.
        seconds: u64,
    },
    /// It was made with another key, or over another body.
    #[error("the signature does not fit: the body was changed on its way, or the key differs")]
    Wrong,
}

/// Verifies a header that [`body`] made. Its time may differ from `now_unix` by `max_age_seconds` either way.
///
/// The signature is checked before the time, so an error about the time always comes from the holder of the
/// key.
pub fn verify_body(
    header: &str,
    key: &Key,
    body: &[u8],
    now_unix: i64,
    max_age_seconds: u64,
) -> Result<(), SignatureError> {
    let (unix_time, sent) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .filter(|(_, hex)| hex.len() == 64)
        .ok_or(SignatureError::Malformed)?;
    let time: i64 = unix_time.parse().map_err(|_| SignatureError::Malformed)?;
    if time.to_string() != unix_time {
        return Err(SignatureError::Malformed);
    }
    if !bool::from(body_hmac(key, time, body).ct_eq(sent.as_bytes())) {
        return Err(SignatureError::Wrong);
    }
    let seconds = now_unix.abs_diff(time);
    match seconds > max_age_seconds {
        false => Ok(()),
        true if time < now_unix => Err(SignatureError::TooOld { seconds }),
        true => Err(SignatureError::InTheFuture { seconds }),
    }
}

fn body_hmac(key: &Key, unix_time: i64, body: &[u8]) -> [u8; 64] {
    let prefix = format!("{unix_time}.");
    hmac_sha256_hex(key.reveal().as_bytes(), [prefix.as_bytes(), body])
}

/// The MD5 of the parts together.
pub(crate) fn md5_hex(parts: impl IntoIterator<Item: AsRef<[u8]>>) -> [u8; 32] {
    lower_hex(parts.into_iter().fold(Md5::new(), Md5::chain_update).finalize().into())
}

/// The SHA-256 of the parts.
pub(crate) fn sha256_hex(parts: impl IntoIterator<Item: AsRef<[u8]>>) -> [u8; 64] {
    lower_hex(parts.into_iter().fold(Sha256::new(), Sha256::chain_update).finalize().into())
}

/// The HMAC-MD5 of the parts.
pub(crate) fn hmac_md5_hex(key: &[u8], parts: impl IntoIterator<Item: AsRef<[u8]>>) -> [u8; 32] {
    // HMAC accepts keys of any length; the error is for other MACs.
    let Ok(mac) = Hmac::<Md5>::new_from_slice(key) else { return [0; 32] };
    lower_hex(parts.into_iter().fold(mac, Mac::chain_update).finalize().into_bytes().into())
}

/// The HMAC-SHA256 of the parts.
pub(crate) fn hmac_sha256_hex(key: &[u8], parts: impl IntoIterator<Item: AsRef<[u8]>>) -> [u8; 64] {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 64] };
    lower_hex(parts.into_iter().fold(mac, Mac::chain_update).finalize().into_bytes().into())
}

/// Hex digits as text.
pub(crate) fn text(hex: &[u8]) -> String {
    String::from_utf8_lossy(hex).into_owned()
}

/// Lower-case hex; `M` is twice `N`.
fn lower_hex<const N: usize, const M: usize>(bytes: [u8; N]) -> [u8; M] {
    let mut hex = [b'0'; M];
    for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    hex
}

/// The digit of a number below 16.
fn digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> (Login, Key) {
        (Login::parse("demo").unwrap(), Key::parse("0123456789abcdef0123456789abcdef").unwrap())
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn webhooks() {
        let body = br#"{"test": 2432232314}"#;
        let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let (secret, signature) =
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(webhook([secret], id, time, body), signature);
        assert_eq!(webhook([secret, secret], id, time, body), format!("{signature} {signature}"));
        assert_ne!(webhook([secret], id, time, b"{}"), signature);
        assert_eq!(webhook_secret([0; 24]), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_ne!(webhook([&*webhook_secret([1; 24])], id, time, body), "");
        assert_eq!(webhook(["", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], id, time, body), "");
    }

    #[test]
    fn requests() {
        let (login, key) = demo();
        for (query, hash) in [
            ("", "ed31b39025adc0f052625c4e1f76e8c5"),
            ("email=Anna%2B1%40example.com&pay_status=paid", "9abaa24bc9afbfc0c9b0c5d04f897e2d"),
            (
                "rid%5B0%5D=super&rid%5B1%5D=1594725950.5982672784&lead_name=%D0%90%D0%BD%D0%BD%D0%B0+%D0%9A&lead_email=anna%40example.com&activation=1&utm%5Butm_medium%5D=cpc",
                "3410311d58715f68c22e91546111488e",
            ),
            (
                "goods%5B0%5D%5Bgood_name%5D=invoice&goods%5B0%5D%5Bgood_sum%5D=1500&goods%5B1%5D%5Bgood_name%5D=sales&bill_email=anna%40example.com&bill_timer_kill=0&bill_comment=a%7Eb%2Ac%28d%29%27e%21",
                "f042520fd62189b35f340479898e8cd4",
            ),
        ] {
            assert_eq!(request(query.as_bytes(), &login, &key), *hash.as_bytes(), "{query}");
        }
    }

    #[test]
    fn answers() {
        let (_, key) = demo();
        assert_eq!(answer(Code::OK, "OK", Some(&key)), "668ea0c09598e61d3a64059cca33d964");
        assert_eq!(answer(Code::OK, "ok", Some(&key)), "7be0b727faa9e60597b97582e2f91ad4");
        let text = "order not found";
        assert_eq!(answer(Code::ORDER_NOT_FOUND, text, Some(&key)), "36d25132c66a7b4304b627c101be413e");
    }

    /// The expected value was made with `openssl dgst -sha256 -hmac`.
    #[test]
    fn bodies() {
        let (_, key) = demo();
        let header = body(&key, 1_362_254_400, b"{}");
        assert_eq!(
            header,
            "t=1362254400,v1=fad424429d7fd84d5c057203004b21606d9e8504d9e449cb775e441b3600fda5"
        );
        let check = |header: &str, body: &[u8], now| verify_body(header, &key, body, now, 300);
        assert_eq!(check(&header, b"{}", 1_362_254_400), Ok(()));
        assert_eq!(check(&header, b"{}", 1_362_254_700), Ok(()));
        assert_eq!(check(&header, b"{}", 1_362_254_701), Err(SignatureError::TooOld { seconds: 301 }));
        assert_eq!(check(&header, b"{}", 1_362_254_000), Err(SignatureError::InTheFuture { seconds: 400 }));
        assert_eq!(check(&header, b"{} ", 1_362_254_400), Err(SignatureError::Wrong));
        assert_eq!(check(&header.to_uppercase(), b"{}", 1_362_254_400), Err(SignatureError::Malformed));
        for odd in [
            "",
            "t=1",
            "v1=00,t=1",
            &header.replace("t=", "t=+"),
            &header.replace("t=", "t=0"),
            &header[..40],
        ] {
            assert_eq!(check(odd, b"{}", 1_362_254_400), Err(SignatureError::Malformed), "{odd}");
        }
        let other = Key::parse("another").unwrap();
        assert_eq!(verify_body(&header, &other, b"{}", 1_362_254_400, 300), Err(SignatureError::Wrong));
    }
}
