// A receiver for webhooks. It refuses what is not signed with your secret.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = Buffer.from(process.env.WEBHOOK_SECRET.replace("whsec_", ""), "base64");

createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray().catch(() => []));
  const header = (name) => request.headers[`webhook-${name}`] ?? "";
  const hmac = createHmac("sha256", secret).update(`${header("id")}.${header("timestamp")}.`);
  const ours = Buffer.from("v1," + hmac.update(body).digest("base64"));
  const equals = (one) => one.length === ours.length && timingSafeEqual(one, ours);
  const isOurs = header("signature").split(" ").some((one) => equals(Buffer.from(one)))
    && Math.abs(Date.now() / 1000 - header("timestamp")) <= 300;
  if (isOurs) {
    const event = JSON.parse(body); // It may come twice: skip it if you know its webhook-id.
    console.log(event.type, event.data.id);
  }
  response.writeHead(isOurs ? 200 : 400).end();
}).listen(process.env.PORT ?? 8000, "127.0.0.1");
