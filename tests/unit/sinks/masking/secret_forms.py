"""
The forms in which secrets occur in texts, generated over names, separators, quotes, nesting, colours and encodings.

Each form is a name and a text; every text holds SECRET, or what the form makes of it, and nothing of it may be left.
"""

# ruff: noqa: E501, Q003 (one form a line)

import base64
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

SECRETS: Final = ("hunter2", "Xk9v-Lp2q_W8z", "correcthorse7", "S3cr3t!pa$$")
NAMES: Final = (
    "password", "DB_PASSWORD", "dbPassword", "spring.datasource.password", "api_key", "X-Api-Key", "accessToken", "client_secret", "PGPASSWORD",
)  # fmt: skip
_B64: Final = "Zq8vT1xWm3Lk0Yp7Rj5Nc2Hd9Bs4Fg6A"  # 32 letters and digits, as of a token
_HEX: Final = "9f86d081884c7d659a2feaa0c55ad015"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """
    One form.

    Attributes:
        kind: what is varied.
        text: one line or several.
        secrets: what must not be left in it.
    """

    kind: str
    text: str
    secrets: tuple[str, ...]


def all_forms() -> list[Form]:
    """
    Return all forms.
    """
    return [*_pairs(), *_nested(), *_encoded(), *_coloured(), *_others(), *_tokens(), *_several_lines()]


def _form(kind: str, text: str, *secrets: str) -> Form:
    return Form(kind=kind, text=text, secrets=secrets)


def _pairs() -> Iterator[Form]:
    """
    Yield a name and a value in the notations of languages and files.
    """
    notations = {
        "equals": "{n}={v}", "blanks": "{n} = {v}", "blank after": "{n}= {v}", "blank before": "{n} ={v}", "tab": "{n}\t=\t{v}",
        "colon": "{n}: {v}", "colon without blank": "{n}:{v}", "shell": "export {n}='{v}'", "shell double": 'declare -x {n}="{v}"',
        "json": '{{"user": "me", "{n}": "{v}", "port": 5432}}', "compact json": '{{"{n}":"{v}","port":5432}}',
        "python dict": "{{'user': 'me', '{n}': '{v}', 'port': 5432}}", "python bytes": "{{'{n}': b'{v}'}}",
        "python call": "connect(host='db', {n}='{v}', port=5432)", "ruby": '{{:user=>"me", :{n}=>"{v}"}}', "ruby string": '{{"{n}"=>"{v}"}}',
        "ruby inspect": '#<Config user: "me", {n}: "{v}">', "php": "'{n}' => '{v}',", "php print_r": "    [{n}] => {v}",
        "go map": "map[host:db {n}:{v} user:me]", "go struct": "&{{User:me {n}:{v} Port:5432}}", "go quoted struct": 'Config{{User:"me", {n}:"{v}"}}',
        "java map": "{{user=me, {n}={v}, port=5432}}", "java record": "Config[user=me, {n}={v}]", "rust": 'Config {{ user: "me", {n}: "{v}" }}',
        "rust option": 'Config {{ {n}: Some("{v}") }}', "node": "{{ user: 'me', {n}: '{v}' }}", "scala": "Map(user -> me, {n} -> {v})",
        "ini": "{n} = {v} ; the database", "toml": '{n} = "{v}"', "yaml": "  {n}: '{v}'", "yaml list": "  - {n}: {v}", "properties": "{n}={v}",
        "logfmt": 'level=info msg="connected" {n}={v} port=5432', "prefixed": "2026-11-29T08:00:00Z INFO main: {n}={v}",
        "xml": "<config><{n}>{v}</{n}></config>", "xml attribute": '<database user="me" {n}="{v}"/>', "xml add": '<add key="{n}" value="{v}"/>',
        "plist": "<key>{n}</key><string>{v}</string>", "xml entry": '<entry key="{n}">{v}</entry>', "env list": '{{"name":"{n}","value":"{v}"}}',
        "env yaml": "- {{name: {n}, value: {v}}}", "docker env": '"Env":["PATH=/bin","{n}={v}"]', "option": "app --{n} {v} --verbose",
        "option equals": "app --{n}={v} --verbose", "quoted option": "app --{n} '{v}'", "java option": "java -D{n}={v} -jar app.jar",
        "query": "GET /login?user=me&{n}={v}&x=1 HTTP/1.1", "form": "user=me&{n}={v}", "list": '"{n}": ["{v}"]', "header": "> {n}: {v}",
        "assignment": "{n} := \"{v}\"", "setter": 'config.{n}("{v}")', "table": "| {n} | {v} |", "semicolons": "Server=db;{n}={v};Database=shop",
    }  # fmt: skip
    for label, notation in notations.items():
        for number, name in enumerate(NAMES):
            value = SECRETS[number % len(SECRETS)]
            yield _form(label, notation.format(n=name, v=value), value)
            if label in ("json", "python dict", "toml", "yaml"):
                yield _form(f"{label}, several words", notation.format(n=name, v="hunter2 Xk9v, 7?"), "hunter2", "Xk9v")


def _nested() -> Iterator[Form]:
    """
    Yield JSON inside of JSON, up to four deep, and JSON that is cut.
    """
    for secret in (*SECRETS, 'hun"ter2', "back\\slash7"):
        inner: object = {"user": "me", "password": secret, "port": 5432}
        for depth in range(5):
            text = json.dumps(inner)
            yield _form(f"json, {depth} deep", f"request body: {text}", secret.split('"')[-1].split("\\")[-1])
            inner = {"level": "info", "msg": text}
        cut = json.dumps({"msg": json.dumps({"password": secret})})
        yield _form("cut json", cut[: cut.index(secret[-4:]) + 4], secret.split('"')[-1].split("\\")[-1])
    yield _form("escaped dict", "{\\'password\\': \\'hunter2\\'}", "hunter2")
    yield _form("json of several lines", '{\\n  \\"password\\": \\"hunter2\\",\\n  \\"port\\": 1\\n}', "hunter2")


def _encoded() -> Iterator[Form]:
    for secret in SECRETS[:3]:
        for text in (f"password={secret}", f'{{"password":"{secret}","a":1}}', f"user=me&password={secret}&a=1"):
            yield _form("URL", f"GET /?state={quote(text, safe='')} HTTP/1.1", secret)
            yield _form("HTML", f"<pre>{html.escape(text)}</pre>", secret)
            escaped = "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in text)
            yield _form("unicode escapes", f'"{escaped}"', *(part for part in secret.replace("_", "-").split("-")[:1]))
        basic = base64.b64encode(f"me:{secret}".encode()).decode()
        yield _form("basic", f"Authorization: Basic {basic}", basic)
        yield _form("docker config", f'{{"auths":{{"registry":{{"auth":"{basic}"}}}}}}', basic)
        yield _form("basic alone", f"credentials {basic} were sent", basic)
        yield _form("NUL", f"PATH=/bin\0PASSWORD={secret}\0HOME=/", secret)


def _coloured() -> Iterator[Form]:
    colours = ("\x1b[32m", "\x1b[1;31m", "\\u001b[36m", "\\x1b[0m", "\\033[33m", "#033[32m", "^[[32m", "[33m")
    for number, colour in enumerate(colours):
        secret = SECRETS[number % len(SECRETS)]
        yield _form("colour", f"{colour}password{colour}={colour}{secret}{colour} ok", secret)
        yield _form("colour", f'{colour}"password"{colour}: {colour}"{secret}"{colour}', secret)
        yield _form("colour", f"--token {colour}{secret}", secret)
    yield _form("no width", "pass\u200bword=hunter2", "hunter2")


_SHORT: Final = "hunter2"
_OTHERS: Final = (
    f"postgres://app:{_SHORT}@db:5432/shop", f"postgresql+psycopg://app:{_SHORT}@db/shop?sslmode=require", f"amqp://app:{_SHORT}@mq:5672/%2f",
    f"mongodb+srv://app:{_SHORT}@c0.example.net/db?retryWrites=true", f"redis://:{_SHORT}@cache:6379/0", f"mysql://root:{_SHORT}@tcp(db:3306)/shop",
    f"root:{_SHORT}@tcp(db:3306)/shop?parseTime=true", f"jdbc:postgresql://db/shop?user=me&password={_SHORT}", f"jdbc:oracle:thin:scott/{_SHORT}@db:1521:xe",
    f"jdbc:sqlserver://db;user=sa;password={_SHORT};encrypt=true", f"Server=db;Uid=sa;Pwd={_SHORT};Database=shop", f"host=db user=me password={_SHORT} dbname=shop",
    f"https://me:{_SHORT}@host/path?token=other7secret", f"https://{_SHORT}@github.com/x/y.git", f"smtp://me%40example.com:{_SHORT}@mail:587",
    f"postgres://app:p@{_SHORT}@db/shop", f"postgres://app:a/{_SHORT}@db/shop", f"postgres:\\/\\/app:{_SHORT}@db\\/shop", f"ftp://me:{_SHORT}@host/", f"sqlplus scott/{_SHORT}@db",
    f"docker pull me:{_SHORT}@registry.example.com/shop:1.2", f"registry.example.com/shop: pull failed for me:{_SHORT}@registry.example.com",
    f"Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey={_SHORT}", f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={_SHORT}==",
    f"CREATE USER 'app'@'%' IDENTIFIED BY '{_SHORT}'", f"ALTER USER root IDENTIFIED WITH mysql_native_password BY '{_SHORT}';", f"alter user scott identified by {_SHORT}",
    f"ALTER ROLE app WITH ENCRYPTED PASSWORD '{_SHORT}'", f"SET PASSWORD FOR 'app'@'%' = PASSWORD('{_SHORT}')", f"CREATE LOGIN app WITH PASSWORD = N'{_SHORT}'",
    f"CREATE USER app PASSWORD '{_SHORT}' NOSUPERUSER", f'"AUTH" "{_SHORT}"', f"AUTH default {_SHORT}", f"requirepass {_SHORT}", f"masterauth {_SHORT}", f"USER me\\r\\nPASS {_SHORT}",
    f"machine api.example.com login me password {_SHORT}", f"password is {_SHORT}", f"The password was set to {_SHORT}", f'with password "{_SHORT}"', f"using password '{_SHORT}'",
    f"A temporary password is generated for root@localhost: {_SHORT}", f"GENERATED ROOT PASSWORD: {_SHORT}", f"Login with username: admin  password: {_SHORT}",
    f"mysql -u root -p{_SHORT} shop", f"mysqldump -h db -p {_SHORT} shop", f"sh -c 'mysql -uroot -p{_SHORT} -e \"select 1\"'", f"redis-cli -h cache -a {_SHORT} ping",
    f"sshpass -p {_SHORT} ssh host", f"curl -u me:{_SHORT} https://host/", f"curl -H 'Authorization: Bearer {_SHORT}' https://host/", f"sqlcmd -S db -U sa -P {_SHORT}",
    f'curl -H "X-Auth-Token: {_SHORT}" https://host/', f"ldapsearch -D cn=me -w {_SHORT} -b dc=x", f"docker login -u me -p {_SHORT} registry", f"mongosh -u me -p '{_SHORT}' db",
    f"Authorization: Bearer {_SHORT}", f"authorization: Token {_SHORT}", f"Proxy-Authorization: Basic {_SHORT}", f"Authorization={_SHORT}", f"authorization: {_SHORT}",
    f'{{"headers":{{"Authorization":"Bearer {_SHORT}","Accept":"*/*"}}}}', f"'Authorization': 'Bearer {_SHORT}'", f"map[Accept:[*/*] Authorization:[Bearer {_SHORT}]]",
    f"Cookie: session={_SHORT}; theme=dark", f"Set-Cookie: sid={_SHORT}; Path=/; HttpOnly", f"cookie: a={_SHORT}", f"PRIVATE-TOKEN: {_SHORT}", f"X-Vault-Token: {_SHORT}",
    f'Authorization: Digest username="me", realm="r", response="{_SHORT}"', f"//registry.npmjs.org/:_authToken={_SHORT}", f"_password={_SHORT}", f"__token__: {_SHORT}",
    f'{{"data":{{"password":"{_SHORT}"}},"kind":"Secret"}}', f"--set auth.password={_SHORT}", f"-e POSTGRES_PASSWORD={_SHORT}", f"docker run -e 'API_TOKEN={_SHORT}' img",
    f"Passwort: {_SHORT}", f"contraseña: {_SHORT}", f"пароль: {_SHORT}", f"密码: {_SHORT}", f"passphrase={_SHORT}", f"sshPrivateKeyPassphrase: {_SHORT}", f"pwd={_SHORT}", f"psk={_SHORT}",
    f"?access_token={_SHORT}", f"/callback?code=4/{_B64}&state=x", f"https://x/?sv=2022&sig={_B64}%3D&se=2026", f"&X-Amz-Signature={_HEX}&X-Amz-Date=1",
    f"?X-Amz-Credential=AKIA{_B64[:16].upper()}%2F20261129&x=1", f"?X-Goog-Signature={_HEX}", f"?key={_B64}", f"?hmac={_HEX}", f"&Signature={_B64}~&Key-Pair-Id=K1",
    f"?auth={_B64}", f"X-Amz-Security-Token={_B64}", f"https://x.blob.core.windows.net/c?sp=r&sig={_B64}", f"wss://host/?jwt={_SHORT}", f"?api_key={_SHORT}",
    f"https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/{_B64[:24]}", f"https://discord.com/api/webhooks/123456789/{_B64}",
    f"https://example.webhook.office.com/webhookb2/{_HEX}@x/IncomingWebhook/{_HEX}/y", f"https://outlook.office.com/webhook/{_HEX}@x/IncomingWebhook/{_HEX}",
    f"https://api.telegram.org/bot123456789:AA{_B64}/sendMessage", f"https://chat.example.com/hooks/{_B64[:26].lower()}", f"https://hooks.zapier.com/hooks/catch/1/{_B64}",
    f"https:\\/\\/hooks.slack.com\\/services\\/T0AAAAAAA\\/B0AAAAAAA\\/{_B64[:24]}", f"https://open.feishu.cn/open-apis/bot/v2/hook/{_HEX}",
    f"https://prod-1.westeurope.logic.azure.com/workflows/x/triggers/manual/paths/invoke?api-version=1&sig={_B64}", f"https://maker.ifttt.com/trigger/x/with/key/{_B64}",
    f"root:$6$saltsalt${_B64}{_B64}:19000:0:99999:7:::", f"traefik.basicauth.users=me:$apr1$saltsalt${_B64[:22]}", f"me:$2y$05${_B64}{_B64[:21]}", f"{{SSHA}}{_B64}",
    f"hash pbkdf2_sha256$260000$salt${_B64}", f"$argon2id$v=19$m=65536,t=2,p=1${_B64}${_B64}", f"SCRAM-SHA-256$4096:{_B64}==${_B64}",
)  # fmt: skip


def _others() -> Iterator[Form]:
    for text in _OTHERS:
        for secret in (_SHORT, _B64, _HEX, _B64[:24], _B64[:26].lower(), _B64[:22]):
            if secret in text:
                yield _form("other", text, secret)
                break
        else:
            yield _form("other", text, _B64[:16].upper())


def _tokens() -> Iterator[Form]:
    tokens = (
        f"ghp_{_B64}0000", f"gho_{_B64}0000", f"ghs_{_B64}0000", f"github_pat_{_B64}_{_B64}", f"glpat-{_B64[:20]}", f"gldt-{_B64[:20]}", f"glrt-{_B64[:20]}",
        f"xoxb-123456789012-123456789012-{_B64[:24]}", f"xoxp-1234-1234-{_B64}", f"xapp-1-A0-1-{_B64}", "AKIAIOSFODNN7QRSTUVW", "ASIAIOSFODNN7QRSTUVW",
        f"AIza{_B64}abc", f"ya29.{_B64}", f"GOCSPX-{_B64[:28]}", f"sk_live_{_B64}", f"rk_live_{_B64}", f"sk_test_{_B64}", f"whsec_{_B64}", f"sk-proj-{_B64}",
        f"sk-ant-api03-{_B64}", f"npm_{_B64}0000", f"pypi-AgEIcHlwaS5vcmc{_B64}", f"dckr_pat_{_B64[:27]}", f"SG.{_B64[:22]}.{_B64}00000000000", f"hvs.{_B64}",
        f"shpat_{_HEX}", f"lin_api_{_B64}00000000", f"figd_{_B64}", f"dop_v1_{_HEX}{_HEX}", f"ATATT3xFf{_B64}", f"PMAK-{_HEX[:24]}-{_HEX}", f"sq0csp-{_B64}",
        f"rubygems_{_HEX}{_HEX[:16]}", "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh", f"gsk_{_B64}", f"glsa_{_B64}_00000000", f"dapi{_HEX}", f"AGE-SECRET-KEY-1{_B64.upper()}",
        f"tskey-auth-k1-{_B64}", f"LTAI{_B64[:20]}", f"SWMTKN-1-{_B64}-{_B64[:25]}", f"123456789:AA{_B64}0", f"NRAK-{_B64[:27].upper()}", f"pscale_pw_{_B64}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{_B64}", f"abc8Q~{_B64}00",
    )  # fmt: skip
    carriers = (
        "{}",
        "invalid key {}",
        "x={}",
        '"{}"',
        "got {}, expected another",
        "https://host/{}/x",
        "['{}']",
        "({})",
    )
    for number, token in enumerate(tokens):
        for carrier in (
            carriers[0],
            carriers[1 + number % (len(carriers) - 1)],
            carriers[1 + (number + 3) % (len(carriers) - 1)],
        ):
            yield _form("token", carrier.format(token), token[-16:])


def _several_lines() -> Iterator[Form]:
    body = [f"{_B64}{_B64[::-1]}", f"{_B64[::-1]}{_B64}", f"{_B64[4:]}{_B64}Ab1+", "Qx7=="]
    for kind in ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        lines = [f"-----BEGIN {kind}-----", *body, f"-----END {kind}-----"]
        yield _form("PEM", "\n".join(["before", *lines, "after"]), *body)
        yield _form("PEM without its beginning", "\n".join([*lines[1:], "after"]), *body)
        yield _form("PEM without its end", "\n".join(["before", *lines[:-1]]), *body)
        yield _form("PEM on one line", "key: " + "\\n".join(lines) + "\\n", *body)
        yield _form("PEM in JSON", json.dumps({"tls": "\n".join(lines)}), *body)
        yield _form("PEM in JSON without its beginning", "\\n".join(lines[1:]) + '\\n"}', *body[1:])
        yield _form("PEM with prefixes", "\n".join(f"2026-11-29T08:00:00Z app | {line}" for line in lines), *body[:3])
    yield _form("PEM, the middle alone", "\n".join(["started", *body[:2], "stopped"]), *body[:2])
    yield _form(
        "PGP",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{body[0]}\n=Ab1c\n-----END PGP PRIVATE KEY BLOCK-----",
        body[0],
    )
    yield _form("YAML, next line", "database:\n  password:\n    hunter2\n  port: 5432", "hunter2")
    yield _form(
        "YAML block",
        "stringData:\n  password: |\n    correct horse\n    battery\n  port: 1",
        "correct horse",
        "battery",
    )
    yield _form("plist, next line", "<key>Password</key>\n<string>hunter2</string>", "hunter2")
    yield _form("pretty JSON", '{\n  "password": "hunter2",\n  "port": 1\n}', "hunter2")
    yield _form("pprint", "{'host': 'db',\n 'password': 'hunter2',\n 'port': 1}", "hunter2")
    yield _form(
        "first start",
        f"Please use the following password to proceed to installation:\n\n{_HEX}\n\nIt is in a file.",
        _HEX,
    )
    yield _form(
        "first start", "Password for the elastic user (reset with `bin/reset`):\n  hunter2=Xk9\n", "hunter2=Xk9"
    )
    yield _form("netrc", "machine h\nlogin me\npassword hunter2\n", "hunter2")
    yield _form("k8s env", "- name: DB_PASSWORD\n  value: hunter2", "hunter2")
    yield _form("k8s env", '{"name": "DB_PASSWORD",\n "value": "hunter2"}', "hunter2")
