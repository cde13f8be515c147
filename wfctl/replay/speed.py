"""What a replay need not do.

Two things of the SDK's worker take a third of the time of a small history and change nothing in a replay. Payloads are walked
six times for a codec and for external storage, even when the worker has neither. And the sandbox reads the workflow's
module from disk again for each run; it has to run it again, but the compiled code is the same.

Both are left alone when the SDK looks different from what is expected here.
"""

from __future__ import annotations

import gc
import importlib.machinery
import sys
from typing import Any

import temporalio.bridge.worker as bridge
from temporalio.converter._extstore import StorageOperationMetrics

from wfctl.replay.events import Events

_REFERENCE_MARKS = (b"external-storage-reference", b"external_storage_reference", b"ExternalStorageReference")


class PayloadWalks:
    """Leaves out the walks for converters that have neither codec nor storage."""

    def __init__(self) -> None:
        self.needed = False
        """A history holds references to payloads stored elsewhere: let the SDK say what it has to say."""
        self._decode: Any = getattr(bridge, "decode_activation", None)
        self._encode: Any = getattr(bridge, "encode_completion", None)

    def install(self) -> None:
        if self._decode is not None and self._encode is not None:
            bridge.decode_activation = self._decode_activation
            bridge.encode_completion = self._encode_completion

    def look_at(self, events: Events) -> None:
        self.needed = events.holds(*_REFERENCE_MARKS)

    def _is_idle(self, converter: Any) -> bool:
        return not self.needed and converter.payload_codec is None and converter.external_storage is None

    async def _decode_activation(self, activation: Any, data_converter: Any, *rest: Any, **named: Any) -> Any:
        if self._is_idle(data_converter):
            return StorageOperationMetrics()
        return await self._decode(activation, data_converter, *rest, **named)

    async def _encode_completion(self, completion: Any, data_converter: Any, *rest: Any, **named: Any) -> Any:
        if self._is_idle(data_converter):
            return StorageOperationMetrics()
        return await self._encode(completion, data_converter, *rest, **named)


class CodeCache:
    """Keeps the compiled code of the modules that a sandbox runs again for each workflow."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Any] = {}

    def install(self) -> None:
        loader: Any = importlib.machinery.SourceFileLoader
        original = loader.get_code
        codes = self._codes

        def get_code(self: Any, fullname: str) -> Any:
            key = (fullname, self.path)
            code = codes.get(key)
            if code is None:
                code = codes[key] = original(self, fullname)
            return code

        loader.get_code = get_code


def install() -> PayloadWalks:
    walks = PayloadWalks()
    walks.install()
    CodeCache().install()
    gc.freeze()  # nothing that is loaded by now will be garbage
    sys.setswitchinterval(0.02)  # one thread works at a time; switching between them early only costs
    return walks
