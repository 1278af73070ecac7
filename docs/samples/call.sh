#!/usr/bin/env bash
# 签名并调用统一接口 · Signs and calls the unified API. Needs curl and openssl.
#   API=http://127.0.0.1:8080 APP_ID=demo-app APP_SECRET=… ./call.sh GET '/api/v1/campuses'
#   … ./call.sh POST /api/v1/patients/search '{"idType":"ID_CARD","idNo":"110101190003070010"}' [IDEMPOTENCY-KEY]
set -euo pipefail
method=$1 path=$2 body=${3-} key=${4-}

timestamp=$(date +%s)
nonce=$(openssl rand -hex 16)
digest=$(printf '%s' "$body" | openssl dgst -sha256 -r | cut -d' ' -f1)
signature=$(printf '%s\n%s\n%s\n%s\n%s' "$method" "$path" "$timestamp" "$nonce" "$digest" |
  openssl dgst -sha256 -hmac "$APP_SECRET" -r | cut -d' ' -f1)

headers=(-H "X-App-Id: $APP_ID" -H "X-Timestamp: $timestamp" -H "X-Nonce: $nonce" -H "X-Signature: $signature"
  -H "X-Campus: ${CAMPUS-main}")
if [ -n "$body" ]; then headers+=(-H 'Content-Type: application/json' --data-binary "$body"); fi
if [ -n "$key" ]; then headers+=(-H "Idempotency-Key: $key"); fi
curl -sS -X "$method" "$API$path" "${headers[@]}"
