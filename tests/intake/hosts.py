"""A scripted web server on loopback: each path answers what a test says; what was asked is kept."""

from tests.intake.listening import Listening, Scripted


class Host(Listening):
    """`answers`: path to (status, headers, body); a body may be an iterable of pieces, sent as they come."""

    def __init__(self):
        self.answers, self.asked = {}, []
        host = self

        class Handler(Scripted):
            def answered(self):
                host.asked.append((self.path, dict(self.headers)))
                return host.answers.get(self.path, (404, {}, b""))

        super().__init__(Handler)
        self.url = f"http://{self.netloc}"
