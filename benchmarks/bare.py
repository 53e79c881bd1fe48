"""The baseline of the webhook: nothing but a signature and one committed INSERT."""

import os

from flask import Flask, Response, abort, request
from sqlalchemy import text
from twilio.request_validator import RequestValidator

from archive.database import engine

app = Flask(__name__)
validator = RequestValidator(os.environ["HOLDFAST_TWILIO_AUTH_TOKEN"])
database = engine(os.environ["HOLDFAST_DATABASE_URL"], pool_size=4)
url = f"{os.environ['HOLDFAST_PUBLIC_URL']}/intake/sms"
INSERT = text("INSERT INTO bare VALUES (:sid, :body, now())")


@app.post("/intake/sms")
def receive() -> Response:
    """Check, insert, commit, thank."""
    raw = request.get_data()
    if not validator.validate(url, request.form, request.headers.get("X-Twilio-Signature", "")):
        abort(403)
    with database.begin() as connection:
        connection.execute(INSERT, {"sid": request.form["MessageSid"], "body": raw})
    return Response("<Response></Response>", mimetype="text/xml")
