// {{COMMENT}}
import { createHash } from "node:crypto";

const url = {{URL}};
const login = {{LOGIN}};
const key = {{KEY}};

const md5 = (text) => createHash("md5").update(text).digest("hex");

const query = new URLSearchParams({ email: "anna@example.com", pay_status: "paid" }).toString();
const body = `${query}&hash=${md5(`${query}::${login}::${key}`)}`;
const headers = { "Content-Type": "application/x-www-form-urlencoded" };
const answer = await (await fetch(url, { method: "POST", headers, body })).json();

if (answer.hash !== md5(`${answer.error_code}::${answer.error_text}::${key}`)) {
  throw new Error("The answer is not signed with our key.");
}
if (answer.error_code !== 0) {
  throw new Error(`${answer.error_code} ${answer.error_text}`);
}
console.log(JSON.stringify(answer.result, null, 2));
