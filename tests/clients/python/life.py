"""A caller in Python, with the client that openapi-python-client makes of the document: preview, reserve, release."""

import os
from http import HTTPStatus
from uuid import uuid4

from oss_client import AuthenticatedClient
from oss_client.api.numbers import create_preview, release_number, reserve_from_preview
from oss_client.models import NewPreview, Preview, Reservation, UnknownPreviewProblem


def live(client: AuthenticatedClient) -> None:
    new = NewPreview(area_code="11")
    key = str(uuid4())
    preview = create_preview.sync(client=client, body=new, idempotency_key=key)
    assert isinstance(preview, Preview), preview
    assert [offer.index for offer in preview.msisdns] == [1, 2, 3]
    assert all(offer.preview.startswith("(11) 9****-") for offer in preview.msisdns), preview
    again = create_preview.sync(client=client, body=new, idempotency_key=key)
    assert again == preview, again

    reservation = reserve_from_preview.sync(preview.id, 2, client=client)
    assert isinstance(reservation, Reservation), reservation
    assert reservation.msisdn[-4:] == preview.msisdns[1].preview[-4:]

    released = release_number.sync_detailed(reservation.msisdn, client=client)
    assert released.status_code == HTTPStatus.NO_CONTENT, released

    problem = reserve_from_preview.sync(uuid4(), 1, client=client)
    assert isinstance(problem, UnknownPreviewProblem), problem
    assert (problem.status, problem.field) == (404, "previewId")


if __name__ == "__main__":
    with AuthenticatedClient(base_url=os.environ["OSS_URL"], token=os.environ["OSS_KEY"]) as client:
        live(client)
