# {{COMMENT}}
import hashlib, json, urllib.parse, urllib.request

url = {{URL}}
login = {{LOGIN}}
key = {{KEY}}

def md5(text):
    return hashlib.md5(text.encode()).hexdigest()

query = urllib.parse.urlencode({"email": "anna@example.com", "pay_status": "paid"})
body = query + "&hash=" + md5(f"{query}::{login}::{key}")

with urllib.request.urlopen(url, body.encode()) as response:
    answer = json.load(response)

if answer["hash"] != md5(f"{answer['error_code']}::{answer['error_text']}::{key}"):
    raise SystemExit("The answer is not signed with our key.")
if answer["error_code"] != 0:
    raise SystemExit(f"{answer['error_code']} {answer['error_text']}")
print(json.dumps(answer["result"], ensure_ascii=False, indent=2))
