"""A caller in Python, with the client that openapi-generator makes of the document: preview, reserve, release, and a line from
its eSIM to its end."""

import os
from uuid import uuid4

from oss_openapi import (
    ApiClient,
    ByDeviceModel,
    Configuration,
    DeviceChoice,
    DevicesApi,
    EventsApi,
    NewEsim,
    NewPreview,
    NewReservation,
    NumbersApi,
    ReserveFromPreview404Response,
    SIMsApi,
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


def live_on_a_line(client: ApiClient) -> None:
    numbers, sims = NumbersApi(client), SIMsApi(client)
    msisdn = numbers.reserve_random(NewReservation(areaCode="11")).msisdn
    held = numbers.list_numbers(state="HELD", ddd="11")
    assert msisdn in [number.msisdn for number in held.numbers], held

    choice = DeviceChoice(ByDeviceModel(deviceModel="SAMSUNG_GALAXY_S25"))
    device = DevicesApi(client).check_esim(choice)
    assert device.hash is not None, device
    new = NewEsim(msisdn=msisdn, lineId=uuid4(), deviceModelHash=device.hash)
    sim = sims.order_esim(new)
    assert sim.status == "ACTIVE", sim
    assert sims.show_activation_code(sim.id).code.startswith("LPA:1$")
    ended = sims.end_line_with_http_info(msisdn)
    assert ended.status_code == 204, ended

    page = EventsApi(client).read_events(limit=1000)
    kinds = [event.kind for event in page.events if event.sim_id == sim.id]
    assert "sim.issued" in kinds and "sim.ended" in kinds, kinds


if __name__ == "__main__":
    configuration = Configuration(host=os.environ["OSS_URL"], access_token=os.environ["OSS_KEY"])
    with ApiClient(configuration) as client:
        live(NumbersApi(client))
        live_on_a_line(client)
