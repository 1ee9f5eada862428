"""Reads what `cargo xtask dist` makes with implementations that are not ours: `check.py wheel FILE` needs Python alone,
`check.py bill FILE` the package cyclonedx-python-lib, which brings the published schema."""

import base64
import csv
import email
import hashlib
import io
import json
import stat
import sys
import zipfile


def wheel(path):
    """The binary distribution format (PEP 427): every file is in RECORD, with its hash and length."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {entry.filename: entry for entry in archive.infolist()}
        [record] = [name for name in files if name.endswith(".dist-info/RECORD")]
        about = record.removesuffix("RECORD")
        listed = {row[0]: row for row in csv.reader(io.StringIO(archive.read(record).decode()))}
        assert set(listed) == set(files), set(listed) ^ set(files)
        for name in set(files) - {record}:
            content = archive.read(name)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert listed[name][1:] == [f"sha256={digest}", str(len(content))], name
        programs = [name for name in files if ".data/scripts/" in name]
        assert [name.rsplit("/", 1)[1] for name in sorted(programs)] == ["bench", "bench-history"], programs
        for program in programs:
            mode = files[program].external_attr >> 16
            assert stat.S_ISREG(mode) and mode & 0o777 == 0o755, oct(mode)
        metadata = email.message_from_bytes(archive.read(about + "METADATA"))
        assert metadata["Name"] == "lb-algorithm-bench", metadata["Name"]
        assert metadata["License-Expression"] == "MIT OR Apache-2.0", metadata["License-Expression"]
        for licence in metadata.get_all("License-File"):
            assert f"{about}licenses/{licence}" in files, licence
        tags = email.message_from_bytes(archive.read(about + "WHEEL")).get_all("Tag")
        assert path.endswith(f"-{tags[0]}.whl") and len(tags) == 1, tags


def bill(path):
    """The schema of CycloneDX 1.6, and that each reference leads to a component."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        text = file.read()
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert problem is None, problem
    document = json.loads(text)
    known = [component["bom-ref"] for component in document["components"]]
    known.append(document["metadata"]["component"]["bom-ref"])
    assert len(known) == len(set(known)), "a component is listed twice"
    described = {entry["ref"] for entry in document["dependencies"]}
    used = {ref for entry in document["dependencies"] for ref in entry.get("dependsOn", [])}
    assert described == set(known), described ^ set(known)
    assert used <= set(known), used - set(known)


if __name__ == "__main__":
    {"wheel": wheel, "bill": bill}[sys.argv[1]](sys.argv[2])
