"""How a route reaches the service, and how identifiers in addresses must look."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from .service import Service


async def _service(request: Request) -> Any:  # a plain function would be called in a thread
    return request.app.state.service


Serves = Annotated[Service, Depends(_service)]
SessionPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16}$")]
GalleryPath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
HashPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Row = Annotated[int, Path(ge=0, le=2**63 - 1)]
Size = Annotated[int, Query(ge=0, le=4096)]
Turn = Annotated[int | None, Query(ge=-1, le=100_000)]
