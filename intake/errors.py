"""Every error the doors raise, on one page, in the archive's families.

TransientError                      try again
├── MailboxUnavailableError         connection lost, cut or frozen; the server is away
│   ├── MailboxBusyError            the server says: not now
│   └── TooMuchAtOnceError          it announced, or sent, more than one answer may hold
├── TokensUnavailableError          whoever issues the mailbox's tokens did not answer, or not sensibly
├── TwilioUnavailableError          Twilio, or where it keeps media, did not answer or said: not now
└── MediaNotThereYetError           the text is here, its picture is not yet
RefusedError                        tell the person
├── MailboxUrlError                 the setting is not the address of a mailbox
├── LoginRefusedError               wrong password, or this account may not
├── TokensRefusedError              no token for this mailbox: somebody must sign in again
├── NoSuchMailboxError              the account has no such folder
├── InsecureMailboxError            the password would cross a network in the clear
├── OtherMailboxError               this batch was announced for another mailbox
├── UidValidityChangedError         the UIDs of this batch mean nothing any more
├── TwilioRefusedError              wrong credentials, or no such thing
├── MediaRefusedError               a host, a redirect, a size or a type that is not allowed
├── SignatureRefusedError           a webhook that no key of ours signed
├── UnreadableFileError             a file to import cannot be read
├── UnknownDraftError               this visit has no draft with this id
├── DraftEndedError                 it was sent, or given up as it stood
└── TooManyDraftsError              this visit has more open than anybody writes at once
IntegrityFault                      (none of our own)
UnusableError                       what lies in a message or file is not what it says it is: noted beside it
"""

from __future__ import annotations

from archive.errors import RefusedError, TransientError


class MailboxUnavailableError(TransientError):
    """The mail server is away, or the connection was lost."""

    def __init__(self, act: str, because: str) -> None:
        super().__init__(act, because)
        self.act, self.because = act, because

    def __str__(self) -> str:
        return f"the mailbox could not {self.act}: {self.because}"


class MailboxBusyError(MailboxUnavailableError):
    """The mail server answers, but says that it cannot now (RFC 5530: UNAVAILABLE, INUSE, LIMIT)."""


class TooMuchAtOnceError(MailboxUnavailableError):
    """The mail server announced, or sent, more than one answer may hold; the connection was cut before it was read."""


class TwilioUnavailableError(TransientError):
    """Twilio, or the host it keeps media on, did not answer, or said that it cannot now."""

    def __init__(self, act: str, because: str) -> None:
        super().__init__(act, because)
        self.act, self.because = act, because

    def __str__(self) -> str:
        return f"Twilio could not {self.act}: {self.because}"


class MediaNotThereYetError(TransientError):
    """A picture of a fresh text is not on Twilio's servers yet."""

    def __init__(self, source_id: str) -> None:
        super().__init__(source_id)
        self.source_id = source_id

    def __str__(self) -> str:
        return f"{self.source_id} is not there yet"


class MailboxUrlError(RefusedError):
    """A setting is not the address of a mailbox. The text never holds the address: it has a password in it."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"not a mailbox address ({self.because}); write imaps://user:password@host:port/FOLDER"


class LoginRefusedError(RefusedError):
    """The mail server knows this account or password not."""

    def __init__(self, host: str, because: str) -> None:
        super().__init__(host, because)
        self.host, self.because = host, because

    def __str__(self) -> str:
        return f"{self.host} refused the login ({self.because}); check user and password of the mailbox"


class TokensUnavailableError(TransientError):
    """Whoever issues tokens for a mailbox did not answer, said that it cannot now, or answered nonsense."""

    def __init__(self, host: str, because: str) -> None:
        super().__init__(host, because)
        self.host, self.because = host, because

    def __str__(self) -> str:
        return f"{self.host} gave no token: {self.because}"


class TokensRefusedError(RefusedError):
    """Whoever issues tokens for a mailbox says no: what was agreed ended, or the setting is wrong."""

    def __init__(self, user: str, because: str) -> None:
        super().__init__(user, because)
        self.user, self.because = user, because

    def __str__(self) -> str:
        return f"no token for the mailbox of {self.user} ({self.because}); sign in again and renew HOLDFAST_IMAP_OAUTH"


class NoSuchMailboxError(RefusedError):
    """The account has no folder of this name."""

    def __init__(self, folder: str, because: str) -> None:
        super().__init__(folder, because)
        self.folder, self.because = folder, because

    def __str__(self) -> str:
        return f"the account has no folder {self.folder!r} ({self.because}); check the mailbox address"


class InsecureMailboxError(RefusedError):
    """The server offers no encryption and is not on this machine."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return f"{self.host} offers no encryption: the password is not sent; use imaps://"


class OtherMailboxError(RefusedError):
    """UIDs were announced for a mailbox that is not the one in the settings (any more)."""

    def __init__(self, announced: str, found: str) -> None:
        super().__init__(announced, found)
        self.announced, self.found = announced, found

    def __str__(self) -> str:
        return f"announced for {self.announced}, but the settings name {self.found}"


class UidValidityChangedError(RefusedError):
    """The folder was made anew: UIDs announced before mean nothing. The watcher announces what is there now."""

    def __init__(self, mailbox: str, announced: int, found: int) -> None:
        super().__init__(mailbox, announced, found)
        self.mailbox, self.announced, self.found = mailbox, announced, found

    def __str__(self) -> str:
        return f"{self.mailbox}: announced under UIDVALIDITY {self.announced}, which is now {self.found}"


class TwilioRefusedError(RefusedError):
    """Twilio says no: the credentials are wrong, or there is no such thing."""

    def __init__(self, act: str, because: str) -> None:
        super().__init__(act, because)
        self.act, self.because = act, because

    def __str__(self) -> str:
        return f"Twilio refused to {self.act}: {self.because}"


class MediaRefusedError(RefusedError):
    """A picture lies where we do not go, or is larger than we take."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return f"the picture was not fetched: {self.because}"


class SignatureRefusedError(RefusedError):
    """A webhook is not signed, or not by a key of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the request is turned away: {self.reason}"


class UnreadableFileError(RefusedError):
    """A file to import cannot be read, or is larger than one acquisition may be."""

    def __init__(self, name: str, because: str) -> None:
        super().__init__(name, because)
        self.name, self.because = name, because

    def __str__(self) -> str:
        return f"{self.name}: {self.because}"


class UnknownDraftError(RefusedError):
    """This visit has no draft with this id."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(draft_id)
        self.draft_id = draft_id

    def __str__(self) -> str:
        return f"this visit has no draft {self.draft_id}"


class DraftEndedError(RefusedError):
    """The draft was sent, or given up as it stood: nothing can be put into it any more."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(draft_id)
        self.draft_id = draft_id

    def __str__(self) -> str:
        return f"draft {self.draft_id} has ended"


class TooManyDraftsError(RefusedError):
    """The visit has more drafts open than anybody writes at once."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"a visit may have {self.most} drafts open"


class UnknownUploadError(RefusedError):
    """This link sends no file with this id, or it was given up."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id)
        self.upload_id = upload_id

    def __str__(self) -> str:
        return f"no upload {self.upload_id} is under way"


class OffsetConflictError(RefusedError):
    """A file does not stand where these bytes begin, or takes no more of them."""

    def __init__(self, upload_id: str, position: int) -> None:
        super().__init__(upload_id, position)
        self.upload_id, self.position = upload_id, position

    def __str__(self) -> str:
        return f"upload {self.upload_id} does not go on at byte {self.position}"


class TooLargeError(RefusedError):
    """A file is larger than may come in."""

    def __init__(self, size_bytes: int, most_bytes: int) -> None:
        super().__init__(size_bytes, most_bytes)
        self.size_bytes, self.most_bytes = size_bytes, most_bytes

    def __str__(self) -> str:
        return f"a file of {self.size_bytes} bytes is more than {self.most_bytes}"


class OverQuotaError(RefusedError):
    """No room for another file now: `whose` is "link" (its day is full) or "house" (too much waits for the vault)."""

    def __init__(self, whose: str) -> None:
        super().__init__(whose)
        self.whose = whose

    def __str__(self) -> str:
        return f"no room for another file: {self.whose}"


class UnusableError(ValueError):
    """What was sent in cannot be used as what it says it is; `because` says why, in words for people."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because

    def __str__(self) -> str:
        return self.because
