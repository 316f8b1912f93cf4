"""Says as JSON what Python's own mail parser makes of a mail, for tests to compare with.

usage: read_mail.py FILE.eml
"""

import email
import email.policy
import hashlib
import json
import sys


def described(part):
    if part.is_multipart():
        inside = {"parts": [described(inner) for inner in part.iter_parts()]}
    else:
        content = part.get_content()
        as_bytes = content.encode() if isinstance(content, str) else content
        inside = {"sha256": hashlib.sha256(as_bytes).hexdigest()}
        if isinstance(content, str):
            inside["content"] = content
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "disposition": part.get_content_disposition(),
        "file_name": part.get_filename(),
        "defects": [repr(defect) for defect in part.defects],
        **inside,
    }


with open(sys.argv[1], "rb") as file:
    message = email.message_from_binary_file(file, policy=email.policy.SMTP)
headers = [[name, str(value)] for name, value in message.items()]
defects = [repr(defect) for _, value in message.items() for defect in value.defects]
mailboxes = {
    name: [[address.display_name, address.addr_spec] for address in message[name].addresses]
    for name in ("From", "To", "Reply-To")
    if message[name]
}
json.dump(
    {"headers": headers, "header_defects": defects, "mailboxes": mailboxes, "body": described(message)},
    sys.stdout,
)
