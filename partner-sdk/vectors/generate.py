"""Writes rfc9421.json and requests.json: the signing vectors, computed apart from the SDK.

Needs Python 3.9 and the package `cryptography`. The RFC's own bases and signatures are literals
copied from RFC 9421 B.2.5 and B.2.6; the script refuses to write if it does not reproduce them.
"""

import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).parent
TAG = "coalition-v1"

RFC_HMAC = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
RFC_ED25519_D = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU="


def b64(data):
    return base64.b64encode(data).decode()


def sign(key, base):
    secret = base64.b64decode(key["secret"])
    if key["algorithm"] == "hmac-sha256":
        return b64(hmac.new(secret, base.encode(), hashlib.sha256).digest())
    return b64(Ed25519PrivateKey.from_private_bytes(secret).sign(base.encode()))


def signature_base(components, params):
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join(lines + [f'"@signature-params": {params}'])


def public(secret):
    raw = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret)).public_key()
    return b64(raw.public_bytes_raw())


def key(id, algorithm, secret):
    made = {"id": id, "algorithm": algorithm, "secret": secret}
    if algorithm == "ed25519":
        made["public_key"] = public(secret)
    return made


def rfc_vectors():
    hmac_key = key("test-shared-secret", "hmac-sha256", RFC_HMAC)
    ed_key = key("test-key-ed25519", "ed25519", b64(base64.urlsafe_b64decode(RFC_ED25519_D)))
    assert base64.urlsafe_b64encode(base64.b64decode(ed_key["public_key"])).decode() == (
        "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs="
    )
    date = ["date", "Tue, 20 Apr 2021 02:07:55 GMT"]
    authority = ["@authority", "example.com"]
    content_type = ["content-type", "application/json"]
    vectors = [
        {
            "name": "B.2.5 HMAC over a request",
            "key": hmac_key,
            "components": [date, authority, content_type],
            "params": '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
            "base": '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n'
            '"content-type": application/json\n"@signature-params": ("date" "@authority" '
            '"content-type");created=1618884473;keyid="test-shared-secret"',
            "signature": "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
        },
        {
            "name": "B.2.6 Ed25519 over a request",
            "key": ed_key,
            "components": [
                date,
                ["@method", "POST"],
                ["@path", "/foo"],
                authority,
                content_type,
                ["content-length", "18"],
            ],
            "params": '("date" "@method" "@path" "@authority" "content-type" "content-length")'
            ';created=1618884473;keyid="test-key-ed25519"',
            "base": '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n'
            '"@authority": example.com\n"content-type": application/json\n"content-length": 18\n'
            '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" '
            '"content-length");created=1618884473;keyid="test-key-ed25519"',
            "signature": "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu"
            "4A0w6vuQv5lIp5WPpBKRCw==",
        },
    ]
    for vector in vectors:
        assert signature_base(vector["components"], vector["params"]) == vector["base"]
        assert sign(vector["key"], vector["base"]) == vector["signature"], vector["name"]
    return vectors


def request(name, key, nonce, method, path, query="", body=None, idempotency_key=None):
    created = 1720598400  # 2024-07-10T08:00:00Z
    authority = "coalition.example"
    components = [("@method", method), ("@authority", authority), ("@path", path)]
    components.append(("@query", "?" + query))
    digest = None
    if body is not None:
        digest = f"sha-256=:{b64(hashlib.sha256(body.encode()).digest())}:"
        components.append(("content-digest", digest))
    if idempotency_key is not None:
        components.append(("idempotency-key", idempotency_key))
    names = " ".join(f'"{name}"' for name, _ in components)
    params = f'({names});created={created};keyid="{key["id"]}";nonce="{nonce}";tag="{TAG}"'
    base = signature_base(components, params)
    return {
        "name": name,
        "key": key,
        "method": method,
        "authority": authority,
        "path": path,
        "query": query,
        "body": body,
        "idempotency_key": idempotency_key,
        "created": created,
        "nonce": nonce,
        "content_digest": digest,
        "signature_input": f"sig1={params}",
        "base": base,
        "signature": f"sig1=:{sign(key, base)}:",
    }


def request_vectors():
    shop = key("shop:ab12", "hmac-sha256", b64(hashlib.sha256(b"the shop of the vectors").digest()))
    bank = key("bank:7f.e-d_9", "ed25519", b64(hashlib.sha256(b"the bank of the vectors").digest()))
    purchase = '{"kind":"purchase","ref":"R-1","programme":"club","member":"m_1024","amount":"5990.00"}'
    grant = (
        '{"kind":"grant","ref":"G-1","programme":"club","member":"email:zoe@example.com",'
        '"points":"50","reason":"С днём рождения, Zoë 🎂"}'
    )
    hello = '{"hello": "world"}'
    batch = (
        '{"idempotency_key":"k-1","kind":"delivery","of":"R-1"}\n'
        '{"idempotency_key":"k-2","kind":"void","of":"H-1"}\n'
    )
    balances = "/v1/members/phone%3A%2B79160000001/balances"
    return [
        request("GET without a body, HMAC", shop, "n-0001", "GET", "/v1/transactions/tx_0_12"),
        request("GET without a body, Ed25519", bank, "n-0002", "GET", "/v1/transactions/tx_0_12"),
        request("POST with a body and a bare key, HMAC", shop, "n-0003", "POST",
                "/v1/transactions", body=purchase, idempotency_key="receipt-R-1"),
        request("POST with a body and a key in quotes, Ed25519", bank, "n-0004", "POST",
                "/v1/transactions", body=purchase,
                idempotency_key='"8e03978e-40d5-43e8-bc93-6894a57f9324"'),
        request("GET with a query, HMAC", shop, "n-0005", "GET", "/v1/transactions",
                query="kind=purchase&ref=R%261"),
        request("GET with percent-escapes in path and query, Ed25519", bank, "n-0006", "GET",
                balances, query="programme=club%3Agold"),
        request("POST with UTF-8 in the body, HMAC", shop, "n-0007", "POST", "/v1/transactions",
                body=grant, idempotency_key="grant-G-1"),
        request("POST with UTF-8 in the body, Ed25519", bank, "n-0008", "POST", "/v1/transactions",
                body=grant, idempotency_key="grant-G-1"),
        request("PUT with a body and no key, HMAC", shop, "n-0009", "PUT", "/v1/programmes/club",
                body=hello),
        request("POST of two lines of NDJSON, Ed25519", bank, "n-0010", "POST",
                "/v1/transactions:batch", body=batch, idempotency_key="batch-1"),
        request("POST with an empty body, HMAC", shop, "n-0011", "POST", "/v1/quotes", body="",
                idempotency_key="empty"),
    ]


def write(name, vectors):
    text = json.dumps(vectors, ensure_ascii=False, indent=2) + "\n"
    (HERE / name).write_text(text, encoding="utf-8")


write("rfc9421.json", rfc_vectors())
write("requests.json", request_vectors())
