"""The list of reports over three systems: LIS and PACS in the report store, and the reproductive centre."""

from tests.flow.house import House


def test_the_centres_reports_stand_among_the_others_newest_first(house: House) -> None:
    known = house.look("/repro")[0]
    patient, centre = known["patient"], {one["reportNo"] for one in known["reports"]}
    lab = house.publish("lab", sender="lis-main", patient=patient)
    house.quiet()
    status, said = house.get(f"/patients/{patient}/reports")
    assert status == 200
    assert "missing" not in said
    assert centre | {lab} <= {one["reportId"] for one in said["data"]}
    times = [one["reportTime"] for one in said["data"]]
    assert times == sorted(times, reverse=True)
    only = house.get(f"/patients/{patient}/reports?kind=REPRO")[1]["data"]
    assert {one["reportId"] for one in only} == centre
    assert {one["kind"] for one in only} == {"REPRO"}
    assert centre.isdisjoint(one["reportId"] for one in house.get(f"/patients/{patient}/reports?kind=LAB")[1]["data"])


def test_a_centre_that_is_down_is_named_and_hides_nothing_else(house: House) -> None:
    patient = house.look("/repro")[1]["patient"]
    lab = house.publish("lab", sender="lis-main", patient=patient)
    house.quiet()
    house.fault("repro", "reset_before")
    try:
        status, said = house.get(f"/patients/{patient}/reports")
        assert (status, said["code"]) == (200, "OK")
        assert said["missing"] == [{"part": "repro", "code": "BACKEND_UNAVAILABLE"}]
        assert "不完整" in said["message"]
        assert lab in {one["reportId"] for one in said["data"]}
        status, said = house.get(f"/patients/{patient}/reports?kind=REPRO")
        assert (status, said["code"]) == (503, "BACKEND_UNAVAILABLE")
    finally:
        house.heal()
