"""A caller in Python, with the client that openapi-python-client makes of the document: preview, reserve, release, and a
line from its eSIM to its end."""

import os
from http import HTTPStatus
from uuid import uuid4

from oss_client import AuthenticatedClient
from oss_client.api.devices import check_esim
from oss_client.api.events import read_events
from oss_client.api.numbers import (
    create_preview,
    list_numbers,
    release_number,
    reserve_from_preview,
    reserve_random,
)
from oss_client.api.si_ms import end_line, order_esim, show_activation_code
from oss_client.models import (
    Activation,
    ByDeviceModel,
    EsimCheck,
    Events,
    ListNumbersState,
    NewEsim,
    NewPreview,
    NewReservation,
    NumberPage,
    Preview,
    Reservation,
    Sim,
    UnknownPreviewProblem,
)


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


def live_on_a_line(client: AuthenticatedClient) -> None:
    reservation = reserve_random.sync(client=client, body=NewReservation(area_code="11"))
    assert isinstance(reservation, Reservation), reservation
    msisdn = reservation.msisdn
    held = list_numbers.sync(client=client, state=ListNumbersState.HELD, ddd="11")
    assert isinstance(held, NumberPage), held
    assert msisdn in [number.msisdn for number in held.numbers]

    device = check_esim.sync(client=client, body=ByDeviceModel(device_model="SAMSUNG_GALAXY_S25"))
    assert isinstance(device, EsimCheck) and isinstance(device.hash_, str), device
    new = NewEsim(msisdn=msisdn, line_id=uuid4(), device_model_hash=device.hash_)
    sim = order_esim.sync(client=client, body=new)
    assert isinstance(sim, Sim) and sim.status == "ACTIVE", sim
    code = show_activation_code.sync(sim.id, client=client)
    assert isinstance(code, Activation) and code.code.startswith("LPA:1$"), code
    ended = end_line.sync_detailed(msisdn, client=client)
    assert ended.status_code == HTTPStatus.NO_CONTENT, ended

    page = read_events.sync(client=client, limit=1000)
    assert isinstance(page, Events), page
    kinds = [event.kind for event in page.events if event.sim_id == sim.id]
    assert "sim.issued" in kinds and "sim.ended" in kinds, kinds


if __name__ == "__main__":
    with AuthenticatedClient(base_url=os.environ["OSS_URL"], token=os.environ["OSS_KEY"]) as client:
        live(client)
        live_on_a_line(client)
