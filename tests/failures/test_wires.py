"""What a soak run calls "lose an answer after it was done": on the real parts, the thing is done and nobody hears of it."""

import contextlib
import imaplib
import smtplib
import uuid
from urllib.parse import unquote, urlsplit

import pytest
import redis
from botocore.exceptions import BotoCoreError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from archive.database import engine
from archive.vault import s3_client
from cli.local import aws
from tests.failures.lines import DONE, Line

MAIL = b"From: a@example.org\r\nSubject: %b\r\n\r\nhello\r\n"


@pytest.fixture
def over(environment):
    """A wire to one part, and the setting that leads over it."""

    @contextlib.contextmanager
    def wired(setting):
        direct = environment[setting]
        port = urlsplit(direct).port
        with Line(port) as line:
            yield line, direct, direct.replace(f":{port}", f":{line.port}")

    return wired


def test_a_commit_whose_answer_is_lost_is_committed(over):
    with over("HOLDFAST_DATABASE_OWNER_URL") as (line, direct, wired):
        near, far = engine(wired, pool_size=1), engine(direct, pool_size=1)
        with far.begin() as connection:
            connection.execute(text("CREATE TABLE once (said text)"))
        with near.connect() as connection:
            connection.execute(text("SELECT 1"))
            connection.execute(text("INSERT INTO once SELECT 'kept'"))
            line.lose(DONE["database"])
            with pytest.raises(OperationalError):
                connection.commit()
        with far.connect() as connection:
            assert connection.execute(text("SELECT said FROM once")).scalars().all() == ["kept"]
        near.dispose()
        far.dispose()
        assert line.lost == 1


def test_a_put_whose_answer_is_lost_is_in_the_vault(over, environment):
    bucket, key = environment["HOLDFAST_S3_BUCKET"], uuid.uuid4().hex
    with over("HOLDFAST_S3_ENDPOINT_URL") as (line, direct, wired), aws(environment):
        near = s3_client(endpoint_url=wired, region="us-east-1")
        line.lose(DONE["vault"])
        # The client may try again by itself: then there are two versions, which is for the vault to bear.
        with contextlib.suppress(BotoCoreError):
            near.put_object(Bucket=bucket, Key=key, Body=b"kept")
        far = s3_client(endpoint_url=direct, region="us-east-1")
        assert far.get_object(Bucket=bucket, Key=key)["Body"].read() == b"kept"
        near.close()
        far.close()
        assert line.lost == 1


def test_a_nudge_whose_answer_is_lost_is_in_the_queue(over):
    name = f"test-{uuid.uuid4().hex}"
    with over("HOLDFAST_BROKER_URL") as (line, direct, wired):
        with redis.Redis.from_url(wired, retry=None) as near, redis.Redis.from_url(direct) as far:
            assert near.ping()
            line.lose(DONE["broker"])
            with pytest.raises(redis.RedisError):
                near.execute_command("LPUSH", name, "kept")
            assert far.lrange(name, 0, -1) == [b"kept"]
            far.delete(name)
        assert line.lost == 1


def test_a_mail_whose_answer_is_lost_was_taken_by_the_server(over, stack):
    subject = uuid.uuid4().hex
    login = urlsplit(stack.environment()["HOLDFAST_SMTP_URL"])
    with over("HOLDFAST_SMTP_URL") as (line, _, wired):
        parts = urlsplit(wired)
        with contextlib.suppress(smtplib.SMTPServerDisconnected):
            server = smtplib.SMTP(parts.hostname, parts.port, timeout=20)
            server.login(login.username, login.password)
            server.mail("a@example.org")
            server.rcpt("b@example.net")
            line.lose(DONE["carrier"])
            with pytest.raises(smtplib.SMTPServerDisconnected):
                server.data(MAIL % subject.encode())
            server.close()
        assert line.lost == 1
    assert any(subject.encode() in each for each in stack.parts.smtp.sent())


def test_a_move_whose_answer_is_lost_was_done_by_the_server(over, environment):
    subject, folder = uuid.uuid4().hex, f"Moved-{uuid.uuid4().hex}"

    def logged_in(url):
        parts = urlsplit(url)
        client = imaplib.IMAP4(parts.hostname, parts.port, timeout=20)
        client.login(unquote(parts.username), unquote(parts.password))
        return client

    with over("HOLDFAST_IMAP_URL") as (line, direct, wired):
        near, far = logged_in(wired), logged_in(direct)
        near.create(folder)
        near.append("INBOX", None, None, MAIL % subject.encode())
        near.select("INBOX")
        [uids] = near.uid("SEARCH", "SUBJECT", subject)[1]
        line.lose(DONE["mailbox"])
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            near.uid("MOVE", uids.decode(), folder)
        far.select(folder)
        assert far.uid("SEARCH", "SUBJECT", subject)[1] != [b""]
        far.select("INBOX")
        assert far.uid("SEARCH", "SUBJECT", subject)[1] == [b""]
        near.shutdown()
        far.logout()
        assert line.lost == 1
