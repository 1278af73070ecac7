// 签名并调用统一接口 · Signs and calls the unified API. Node.js 18 or newer, no packages.
//   API=http://127.0.0.1:8080 APP_ID=demo-app APP_SECRET=… node call.mjs GET /api/v1/campuses
//   … node call.mjs POST /api/v1/patients/search '{"idType":"ID_CARD","idNo":"110101190003070010"}' [IDEMPOTENCY-KEY]
import { createHash, createHmac, randomBytes } from 'node:crypto';

const { API, APP_ID, APP_SECRET, CAMPUS = 'main' } = process.env;

/** The envelope of the answer, of errors too. `path` has its query, percent-encoded; `body` is the JSON to send. */
export async function call(method, path, body = '', key = '') {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(16).toString('hex');
  const digest = createHash('sha256').update(body).digest('hex');
  const text = [method, path, timestamp, nonce, digest].join('\n');
  const headers = {
    'X-App-Id': APP_ID,
    'X-Timestamp': timestamp,
    'X-Nonce': nonce,
    'X-Signature': createHmac('sha256', APP_SECRET).update(text).digest('hex'),
    'X-Campus': CAMPUS,
  };
  if (body) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  const reply = await fetch(API + path, { method, headers, body: body || undefined });
  return reply.json();
}

console.log(JSON.stringify(await call(...process.argv.slice(2))));
