"""What clients ask and workers answer about updates."""

from __future__ import annotations

from google.protobuf.message import Message
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import Failure
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.update.v1 import Acceptance, Meta, Outcome, Rejection, Request, Response


def request(update_id: str = "u", name: str = "up") -> Request:
    asked = Request(meta=Meta(update_id=update_id, identity="client"))
    asked.input.name = name
    return asked


def message(body: Message, update_id: str, message_id: str) -> ProtocolMessage:
    packed = ProtocolMessage(id=message_id, protocol_instance_id=update_id)
    packed.body.Pack(body)
    return packed


def accepts(update_id: str = "u", *, sequencing_event_id: int = 1) -> ProtocolMessage:
    body = Acceptance(
        accepted_request_message_id=f"{update_id}/request", accepted_request_sequencing_event_id=sequencing_event_id
    )
    return message(body, update_id, f"accept-{update_id}")


def rejects(update_id: str = "u", reason: str = "no") -> ProtocolMessage:
    return message(Rejection(failure=Failure(message=reason)), update_id, f"reject-{update_id}")


def responds(update_id: str = "u", failure: str = "") -> ProtocolMessage:
    outcome = Outcome()
    if failure:
        outcome.failure.message = failure
    else:
        outcome.success.payloads.add(data=b"1")
    body = Response(meta=Meta(update_id=update_id), outcome=outcome)
    return message(body, update_id, f"respond-{update_id}")


def at(message_id: str) -> Command:
    """The command that says when a message takes effect."""
    command = Command(command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE)
    command.protocol_message_command_attributes.message_id = message_id
    return command
