"""
Which parts of a command line are hidden, and which are not. The secret is always hunter2.
"""

import shlex

import pytest

from sinks.masking import mask_command_line

HIDDEN = [
    "app --password=hunter2",
    "app --db-password hunter2 --verbose",
    "app --password=a,hunter2",
    "app -password hunter2",
    "java -Dspring.datasource.password=hunter2 -jar a.jar",
    "env DB_URL=hunter2 API_KEY=hunter2 app",
    "app --dbPassword=hunter2",
    "mysql -u root -phunter2 shop",
    "sudo /usr/bin/mysqldump -phunter2 shop",
    "sshpass -p hunter2 ssh host",
    "docker login -u me -p hunter2",
    "redis-cli -a hunter2 ping",
    "curl -u me:hunter2 https://host/",
    "curl -H 'Authorization: Bearer hunter2' https://host/",
    "curl -H 'Cookie: a=hunter2; b=hunter2' https://host/",
    'curl -d \'{"user": "me", "password": "hunter2"}\' https://host/',
    "app https://host/path?a=1&access_token=hunter2&b=2",
    "psql postgres://app:hunter2@db/shop",
    "git clone https://hunter2@host/repository",
    "app root:hunter2@tcp(db:3306)/shop",
    "openssl enc -pass pass:hunter2",
    "app 'Server=db;Password=hunter2;Database=shop'",
    "sh -c 'mysql -phunter2 shop && true'",
    "sh -c \"app --password 'hunter2 hunter2' --verbose\"",
    "sh -c 'PASSWORD=\"hunter2 hunter2\" app'",
    "app '-----BEGIN RSA PRIVATE KEY----- hunter2'",
    "app --token -hunter2",
]
SHOWN = [
    "sleep 1000",
    "nginx -g daemon off;",
    "python -m http.server -p 8080",
    "java -Xmx512m -Dfile.encoding=UTF-8 -jar app.jar",
    "postgres: writer process",
    "/bin/sh -c exec app --port 80 || exit 137",
    "ssh user@host ls",
]


@pytest.mark.parametrize("command_line", HIDDEN)
def test_a_secret_is_hidden(command_line: str) -> None:
    """
    The secret does not occur in the result, and the name of the program does.
    """
    arguments = shlex.split(command_line)
    masked = mask_command_line(arguments)
    assert "hunter2" not in " ".join(masked)
    assert "***" in " ".join(masked)
    assert masked[0] == arguments[0]


@pytest.mark.parametrize("command_line", SHOWN)
def test_a_command_line_without_a_secret_stays_as_it_is(command_line: str) -> None:
    """
    Without a secret, the command line does not change.
    """
    arguments = command_line.split(" ")
    assert list(mask_command_line(arguments)) == arguments


@pytest.mark.parametrize(
    "value",
    [
        "ghp_0123456789abcdefghij",
        "glpat-0123456789abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig",
    ],
)
def test_known_kinds_of_tokens_are_hidden(value: str) -> None:
    """
    Tokens of well-known services are hidden wherever they occur.
    """
    assert value not in " ".join(mask_command_line(["app", f"x={value}", value]))


def test_only_the_secret_value_is_hidden() -> None:
    """
    Names and other arguments stay; only secret values are replaced.
    """
    masked = mask_command_line(["app", "--user=me", "--password", "hunter2", "--port=80", "psql://u:p@db/shop"])
    assert masked == ("app", "--user=me", "--password", "***", "--port=80", "psql://***@db/shop")
