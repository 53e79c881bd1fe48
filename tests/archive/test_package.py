"""Building packages: the same case gives the same bytes, a stranger's tools read them, and a wrong source is refused."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zipfile import ZipFile

import bagit
import pytest

from archive import verify as verifier
from archive.errors import DigestMismatchError, ProofError, UnverifiablePackageError
from archive.package import Derived, PackageExhibit, Seal, begin, finish, item_number
from tests.attacks.forge import verify
from tests.attacks.ground import POLICY, Ground, a_case


@pytest.fixture
def ground() -> Ground:
    return a_case()


def test_the_same_case_gives_the_same_bytes(tmp_path: Path) -> None:
    one = a_case().export(tmp_path / "one")
    two = a_case().export(tmp_path / "two")
    assert one.sha256 == two.sha256
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.size_bytes == one.path.stat().st_size


def test_a_package_verifies_and_says_what_it_holds(ground: Ground, tmp_path: Path) -> None:
    package = ground.export(tmp_path, earlier_sizes=[3, 9])
    verdict = verify(package.path, POLICY)
    assert verdict.state == "verified"
    assert [step.number for step in verdict.steps] == list(range(1, 10))
    assert verdict.facts["case_reference"] == "42/1234/26"
    assert verdict.facts["items"] == 3
    assert verdict.facts["entries"] == package.entries == 11
    assert verdict.facts["ledger_size"] == package.checkpoint_size == 16
    assert "does not prove who wrote" in verdict.meaning


def test_originals_are_the_bytes_as_received(ground: Ground, tmp_path: Path) -> None:
    with ZipFile(ground.export(tmp_path).path) as archive:
        for number, raw in enumerate(ground.originals.values(), start=1):
            assert archive.read(f"data/items/{number:05d}/original.eml") == raw


def test_a_stranger_s_bagit_tool_accepts_the_bag(ground: Ground, tmp_path: Path) -> None:
    with ZipFile(ground.export(tmp_path).path) as archive:
        archive.extractall(tmp_path / "bag")
    bag = bagit.Bag(str(tmp_path / "bag"))
    bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["External-Identifier"] == "11111111-2222-4333-8444-555555555555"
    (tmp_path / "bag/data/items/00001/original.eml").write_bytes(b"other")
    with pytest.raises(bagit.BagValidationError):
        bag.validate()


def test_a_case_without_exhibits_has_a_package_too(tmp_path: Path) -> None:
    package = a_case(items=0).export(tmp_path)
    assert verify(package.path, POLICY).facts["items"] == 0


def test_a_second_package_holds_the_checkpoint_of_the_first(ground: Ground, tmp_path: Path) -> None:
    first = ground.export(tmp_path, "first")
    second = ground.export(tmp_path, "second", earlier_sizes=[first.checkpoint_size])
    with ZipFile(first.path) as archive:
        note = archive.read(f"checkpoints/{first.checkpoint_size}.note")
    verdict = verify(second.path, POLICY, earlier=[note])
    assert verdict.state == "verified"
    assert not any(text.startswith("Earlier") for text in verdict.not_checked)


def test_an_original_that_is_not_what_was_recorded_is_not_packed(ground: Ground, tmp_path: Path) -> None:
    first, *others = ground.exhibits()
    source = ground.source("p")
    for number, bad in enumerate(
        [
            replace(first, read=lambda: [b"something else"]),
            replace(first, sha512="00" * 64),
            replace(first, size_bytes=1),
        ]
    ):
        with pytest.raises(DigestMismatchError):
            begin(tmp_path / str(number), replace(source, exhibits=[bad, *others]))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda items: [items[1], items[0], items[2]], id="out of order"),
        pytest.param(lambda items: [items[0], *items], id="twice"),
        pytest.param(lambda items: items[:2], id="one missing"),
        pytest.param(lambda items: [replace(items[0], extension="../x"), *items[1:]], id="a hostile extension"),
        pytest.param(
            lambda items: [replace(items[0], derive=lambda: [Derived("../x", "m", b"")]), *items[1:]],
            id="a hostile derived path",
        ),
    ],
)
def test_a_source_that_would_not_verify_is_refused(ground: Ground, tmp_path: Path, change: object) -> None:
    source = replace(ground.source("p"), exhibits=change(ground.exhibits()))  # type: ignore[operator]
    with pytest.raises(UnverifiablePackageError):
        begin(tmp_path / "work", source)


@pytest.mark.parametrize("path", ["items/00001/original.eml", "../x", "/x", "a b", ""])
def test_a_rendering_in_the_wrong_place_is_refused(ground: Ground, tmp_path: Path, path: str) -> None:
    with pytest.raises(UnverifiablePackageError):
        begin(tmp_path / "work", replace(ground.source("p"), renderings={path: b""}))


def test_an_organisation_with_a_line_break_cannot_write_into_bag_info(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(UnverifiablePackageError):
        begin(tmp_path / "work", replace(ground.source("p"), organisation="Force\nPayload-Oxum: 0.0"))


def test_nothing_is_finished_before_the_export_is_sequenced_and_covered(ground: Ground, tmp_path: Path) -> None:
    draft = begin(tmp_path / "work", ground.source("p"))
    out = tmp_path / "p.zip"
    with pytest.raises(UnverifiablePackageError, match="no export"):
        finish(draft, ground.ledger.entries, [Seal(ground.ledger.note())], ground.ledger.read_nodes, out)
    before = ground.ledger.note()
    ground.ledger.record(ground.case, "package.exported", 130, **draft.exported_facts())
    with pytest.raises(UnverifiablePackageError, match="cover"):
        finish(draft, ground.ledger.entries, [Seal(before)], ground.ledger.read_nodes, out)
    with pytest.raises(UnverifiablePackageError, match="none"):
        finish(draft, ground.ledger.entries, [], ground.ledger.read_nodes, out)
    assert not out.exists()
    finish(draft, ground.ledger.entries, [Seal(before), Seal(ground.ledger.note())], ground.ledger.read_nodes, out)
    assert verify(out, POLICY).state == "verified"


def test_an_erased_payload_without_a_reason_is_refused_and_with_one_is_listed(ground: Ground, tmp_path: Path) -> None:
    erased = next(
        at for at, entry in enumerate(ground.ledger.entries) if entry.stream.endswith("1") and entry.stream_seq == 1
    )
    ground.ledger.entries[erased] = replace(ground.ledger.entries[erased], payload=None)
    with pytest.raises(UnverifiablePackageError, match="payload is gone"):
        ground.export(tmp_path, "without")
    again = a_case()
    again.ledger.entries[erased] = replace(again.ledger.entries[erased], payload=None)
    package = again.export(tmp_path, "with", withheld={erased: "erased on 2026-12-01 under retention rule 4"})
    assert verify(package.path, POLICY).state == "verified"


def test_an_original_withheld_from_an_edition_is_said_to_be(ground: Ground, tmp_path: Path) -> None:
    first, *others = ground.exhibits()
    withheld = replace(first, withheld="names a child", derive=tuple)
    ground.exhibits = lambda: [withheld, *others]  # type: ignore[method-assign]
    package = ground.export(tmp_path)
    with ZipFile(package.path) as archive:
        assert not [name for name in archive.namelist() if name.startswith("data/items/00001/original")]
    assert "Original withheld: data/items/00001 (ABC/1): names a child" in verify(package.path, POLICY).not_checked


def test_a_history_that_does_not_continue_is_not_packed(ground: Ground, tmp_path: Path) -> None:
    """A database restored from an old backup must not leave the house as if nothing had happened."""
    draft = begin(tmp_path / "work", ground.source("p"))
    ground.ledger.record(ground.case, "package.exported", 130, **draft.exported_facts())
    other = a_case(items=2).ledger.note(8).replace(b"\n8\n", b"\n9\n")
    with pytest.raises(ProofError):
        finish(
            draft,
            ground.ledger.entries,
            [Seal(other), Seal(ground.ledger.note())],
            ground.ledger.read_nodes,
            tmp_path / "p.zip",
        )


def test_memory_does_not_grow_with_the_size_of_an_item(tmp_path: Path) -> None:
    ground = a_case(items=1)
    (exhibit,) = ground.exhibits()

    def large(chunks: int) -> Iterable[bytes]:
        return (bytes(1 << 20) for _ in range(chunks))

    def peak_of(chunks: int) -> int:
        tracemalloc.start()
        with pytest.raises(DigestMismatchError):
            begin(
                tmp_path / f"work{chunks}",
                replace(ground.source("p"), exhibits=[replace(exhibit, read=lambda: large(chunks))]),
            )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_of(40) < peak_of(2) + (1 << 20)


def test_exhibits_are_taken_one_at_a_time(ground: Ground, tmp_path: Path) -> None:
    """The next exhibit is not asked for before the last is written: originals may come from far away."""
    order: list[str] = []

    def watched(items: list[PackageExhibit]) -> Iterator[PackageExhibit]:
        for item in items:
            order.append(f"asked {item.reference}")
            yield replace(item, read=lambda item=item: order.append(f"read {item.reference}") or item.read())

    begin(tmp_path / "work", replace(ground.source("p"), exhibits=watched(ground.exhibits())))
    assert order == [f"{act} ABC/{number}" for number in (1, 2, 3) for act in ("asked", "read")]


@pytest.mark.parametrize(("items", "digits"), [(1, 5), (99_999, 5), (100_000, 6), (999_999_999, 9)])
def test_items_have_as_many_digits_as_the_last_needs_so_that_names_stay_in_order(items: int, digits: int) -> None:
    first, before, last = (item_number(number, items) for number in (1, max(items - 1, 1), items))
    assert {len(first), len(before), len(last)} == {digits}
    assert first <= before <= last
    assert int(last) == items


def test_more_items_than_a_verifier_reads_are_refused_in_words() -> None:
    with pytest.raises(UnverifiablePackageError, match="1000000000 items are more than a package can hold"):
        item_number(1, 1_000_000_000)


def folders_read(items: int, digits: int) -> int:
    """How many items the verifier finds in a package of items with these names and nothing in them."""
    names = [f"data/items/{number:0{digits}d}/item.json" for number in range(1, items + 1)]
    bag = SimpleNamespace(within=lambda prefix: (SimpleNamespace(name=name) for name in names))
    return sum(1 for _ in verifier._item_folders(cast("verifier.Bag", bag)))


def test_the_verifier_reads_items_above_99999_by_the_digits_that_they_need() -> None:
    assert folders_read(99_999, 5) == 99_999
    assert folders_read(100_000, 6) == 100_000
    for items, digits in [(100_000, 5), (99_999, 6)]:
        with pytest.raises(verifier.VerificationError, match=f"{items} items are numbered with {digits} digits"):
            folders_read(items, digits)


def test_the_manifest_lists_every_payload_file_in_order(ground: Ground, tmp_path: Path) -> None:
    with ZipFile(ground.export(tmp_path).path) as archive:
        rows = list(csv.reader(archive.read("manifest-sha256.txt").decode().splitlines(), delimiter=" "))
        assert [row[2] for row in rows] == [name for name in archive.namelist() if name.startswith("data/")]
