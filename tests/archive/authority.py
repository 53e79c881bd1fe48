"""An authority that can be made to do everything wrong: certificates and tokens with one fault each, and an HTTP server."""

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOTE = "holdfast.example/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— holdfast.example/log AAAAAAAA\n".encode()
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
STAMPS = ExtendedKeyUsageOID.TIME_STAMPING
REPLY = "application/timestamp-reply"


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def encoded(self):
        return asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER))

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)


def name(common_name):
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip


def certificate_of(
    common_name, issuer=None, *, ca=False, eku=(STAMPS,), critical=True, since=NOW - YEAR, until=NOW + YEAR, digest=None
):
    """A certificate; a root where nobody issues it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = name(common_name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca and eku is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(eku), critical=critical)
    return Holder(builder.sign(issuer.key if issuer else key, digest or hashes.SHA256()), key)


@dataclass(frozen=True)
class Authority:
    """Root, perhaps something between, and the signer."""

    root: Holder
    signer: Holder
    between: tuple = ()


def authority(common_name="Tests timestamps", *, between=False, today=False, **signer):
    """Good for two years around NOW, or around today."""
    middle = datetime.now(UTC) if today else NOW
    span = {"since": middle - YEAR, "until": middle + YEAR}
    root = certificate_of(f"{common_name} root", ca=True, **span)
    inner = certificate_of(f"{common_name} between", root, ca=True, **span) if between else None
    made = certificate_of(common_name, inner or root, **{**span, **signer})
    return Authority(root, made, (inner,) if inner else ())


@dataclass(frozen=True)
class Wish:
    """How a token is to be made; every default is as it should be."""

    at: datetime = NOW
    status: str = "granted"
    imprint: bytes | None = None
    imprint_algorithm: str | None = None
    nonce: int | None = None
    without_nonce: bool = False
    named: tuple = ("v2",)
    names: Holder | None = None
    names_serial: int | None = None
    digest: str = "sha256"
    certificates: tuple | None = None
    policy: str = "1.2.3.4"
    version: str = "v1"
    extensions: tuple = ()


def respond(request, made, wish=None, **changes):
    """The response to a TimeStampReq, DER, as the wish says."""
    wish = replace(wish or Wish(), **changes)
    if wish.status != "granted":
        from services.tokens import Response

        return Response({"status": {"status": wish.status, "status_string": ["not today"]}}).dump()
    content = _tst_info(tsp.TimeStampReq.load(request), wish).dump()
    attributes = _attributes(content, made.signer, wish)
    digest = {"sha256": hashes.SHA256(), "sha1": hashes.SHA1()}[wish.digest]
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier({"issuer_and_serial_number": cms.IssuerAndSerialNumber({
            "issuer": made.signer.encoded.issuer, "serial_number": made.signer.certificate.serial_number})}),
        "digest_algorithm": {"algorithm": wish.digest},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": f"{wish.digest}_ecdsa"},
        "signature": made.signer.key.sign(attributes.untag().dump(), ec.ECDSA(digest)),
    }  # fmt: skip
    sent = (made.signer, *made.between) if wish.certificates is None else wish.certificates
    signed = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": wish.digest}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
        "signer_infos": [signer],
    }
    if sent:
        signed["certificates"] = [each.encoded for each in sent]
    token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()


def _tst_info(request, wish):
    imprint = request["message_imprint"]
    if wish.imprint is not None:
        algorithm = wish.imprint_algorithm or "sha256"
        imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": wish.imprint}
    fields = {
        "version": wish.version,
        "policy": wish.policy,
        "message_imprint": imprint,
        "serial_number": 7,
        "gen_time": wish.at,
        "accuracy": {"seconds": 1, "millis": 500},
    }
    if not wish.without_nonce:
        fields["nonce"] = request["nonce"].native if wish.nonce is None else wish.nonce
    if wish.extensions:
        fields["extensions"] = list(wish.extensions)
    return tsp.TSTInfo(fields)


def _attributes(content, signer, wish):
    named = (wish.names or signer).certificate.public_bytes(Encoding.DER)
    attributes = [
        cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
        cms.CMSAttribute({"type": "message_digest", "values": [hashlib.new(wish.digest, content).digest()]}),
    ]
    if "v1" in wish.named:
        ids = tsp.SigningCertificate({"certs": [tsp.ESSCertID({"cert_hash": hashlib.sha1(named).digest()})]})
        attributes.append(cms.CMSAttribute({"type": "signing_certificate", "values": [ids]}))
    if "v2" in wish.named:
        fields = {
            "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "cert_hash": hashlib.sha256(named).digest(),
        }
        if wish.names_serial is not None:
            issuer = asn1_x509.GeneralName({"directory_name": signer.encoded.issuer})
            fields["issuer_serial"] = {"issuer": [issuer], "serial_number": wish.names_serial}
        ids = tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2(fields)]})
        attributes.append(cms.CMSAttribute({"type": "signing_certificate_v2", "values": [ids]}))
    return cms.CMSAttributes(attributes)


class FakeServer:
    """An authority's server: `answer(request) -> (status, type, body)` may be changed at any time."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append((request, dict(self.headers)))
                status, kind, body = fake.answer(request)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/tsa"


@contextmanager
def serving(answer):
    fake = FakeServer(answer)
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.server.shutdown()
        thread.join()
        fake.server.server_close()


def granting(made, **wish):
    """Answers every request as the wish says, at the time it is asked."""

    def answer(request):
        at = wish.get("at") or datetime.now(UTC).replace(microsecond=0)
        return 200, REPLY, respond(request, made, **{**wish, "at": at})

    return answer
