"""A caller in Python, with the client that openapi-generator makes of the document: preview, reserve, release."""

import os
from uuid import uuid4

from oss_openapi import (
    ApiClient,
    Configuration,
    NewPreview,
    NumbersApi,
    ReserveFromPreview404Response,
    UnknownPreviewProblem,
)
from oss_openapi.exceptions import NotFoundException


def live(numbers: NumbersApi) -> None:
    new = NewPreview(areaCode="11")
    key = str(uuid4())
    preview = numbers.create_preview(new, idempotency_key=key)
    assert [offer.index for offer in preview.msisdns] == [1, 2, 3]
    assert all(offer.preview.startswith("(11) 9****-") for offer in preview.msisdns), preview
    assert numbers.create_preview(new, idempotency_key=key) == preview

    reservation = numbers.reserve_from_preview(preview.id, 2)
    assert reservation.msisdn[-4:] == preview.msisdns[1].preview[-4:]
    assert numbers.show_number(reservation.msisdn).status == "RESERVED"

    released = numbers.release_number_with_http_info(reservation.msisdn)
    assert released.status_code == 204, released

    try:
        numbers.reserve_from_preview(uuid4(), 1)
    except NotFoundException as error:
        assert isinstance(error.data, ReserveFromPreview404Response), error
        assert isinstance(error.data.actual_instance, UnknownPreviewProblem), error
    else:
        raise AssertionError("a preview that does not exist has no number")


if __name__ == "__main__":
    configuration = Configuration(host=os.environ["OSS_URL"], access_token=os.environ["OSS_KEY"])
    with ApiClient(configuration) as client:
        live(NumbersApi(client))
