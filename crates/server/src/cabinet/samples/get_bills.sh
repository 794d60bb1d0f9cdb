# {{COMMENT}}
url={{URL}}
login={{LOGIN}}
key={{KEY}}
query='email=anna%40example.com&pay_status=paid'
hash=$(printf '%s' "$query::$login::$key" | md5sum | cut -d' ' -f1)
curl -sS -d "$query&hash=$hash" "$url"
