"""The server as a page talks to it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

from PIL import Image

from tests.pipeline.server.conftest import Site, running


def picture(colour: str = "blue", size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def ids(session: dict) -> list[str]:  # type: ignore[type-arg]
    return [hit["id"] for hit in session["hits"]]


def test_the_state_names_galleries_recipes_and_words(site: Site) -> None:
    state = site.ask("GET", "/api/state").json
    (gallery,) = state["galleries"]
    assert (gallery["name"], gallery["count"], gallery["recipe"]) == ("gallery", 4, "likebut@pocket")
    assert {"name", "description"} == set(state["recipes"][0])
    assert state["read_only"] is False
    assert state["busy"] is None
    assert state["costs"] is None


def test_the_page_and_all_its_files_come_from_here_and_last(site: Site) -> None:
    page = site.ask("GET", "/")
    assert page.body == site.ask("GET", "/s/AAAAAAAAAAAAAAAA/3").body
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.body.decode())
    assert len(addresses) >= 2
    for address in addresses:
        found = site.ask("GET", address)
        assert found.status == 200
        assert "immutable" in found.headers["cache-control"]
        assert found.headers["content-type"].startswith(("text/javascript", "text/css"))
    again = site.ask("GET", "/static/app.js")
    assert again.headers["cache-control"] == "no-cache"
    tag = {"If-None-Match": again.headers["etag"]}
    assert site.ask("GET", "/static/app.js", headers=tag).status == 304


def test_the_addresses_are_described_and_no_page_is_loaded_from_elsewhere(site: Site) -> None:
    described = site.ask("GET", "/api/openapi.json").json
    assert {"/api/state", "/api/sessions/{session}/steps", "/api/query"} <= set(described["paths"])
    assert site.ask("GET", "/docs").status == 404


def test_a_session_begins_with_a_picture_and_goes_on_by_sentences(site: Site) -> None:
    session = site.begin()
    begun = site.step(session, do="start", hit="red.png")
    assert begun["reference"] == {
        "name": "red.png",
        "id": "red.png",
        "picture": f"/api/pictures/{site.gallery}/3?size=320",
    }
    said = site.step(session, do="but", sentence="blue  please")
    assert ids(said)[0] == "blue.png"
    assert said["fields"]["target_caption"] == "a blue square"
    assert [turn["words"] for turn in said["turns"]] == ["pictures like it", "blue please"]
    assert said["path"] == [0, 1]
    assert said["trace"]["ranking"]["hits"][0]["id"] == "blue.png"
    assert sum(said["trace"]["ranking"]["hits"][0]["shares"].values()) != 0
    assert "shares" not in said["hits"][0]  # what a hit has is said once
    assert set(said["weights"]) >= {"target_caption"}
    assert said["roles"]["target_caption"] > 0


def test_a_session_is_the_same_when_it_is_asked_for_again(site: Site) -> None:
    session = site.begin()
    said = site.step(session, do="but", sentence="a red square")
    assert site.ask("GET", f"/api/sessions/{session}").json == said


def test_another_turn_is_looked_at_without_going_there(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    site.step(session, do="but", sentence="blue please")
    assert site.ask("GET", f"/api/sessions/{session}?turn=0").json["at"] == 0
    assert site.ask("GET", f"/api/sessions/{session}").json["at"] == 1
    assert site.step(session, do="undo")["at"] == 0
    assert site.step(session, do="go", turn=-1)["trace"] is None
    assert site.step(session, do="go", turn=1)["at"] == 1


def test_a_slider_that_moves_is_one_turn(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    site.step(session, do="but", sentence="blue please")
    site.step(session, do="pick", hit="green.png")
    for value in (1.0, 2.0, 3.0):
        found = site.step(session, do="weigh", values={"reference": value}, live=True)
    assert found["path"] == [0, 1, 2]
    assert found["weighed"] == {"reference": 3.0}
    assert found["picked"] == "green.png"
    assert site.step(session, do="weigh", values={"reference": 0.0})["path"] == [0, 1, 2, 3]


def test_marks_rank_again_and_keep_what_is_picked(site: Site) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    liked = site.step(session, do="more", hits=["blue.png"])
    assert "liked:blue.png" in liked["weights"]
    disliked = site.step(session, do="less", hit="red.png")
    assert "red.png" not in ids(disliked)
    assert site.step(session, do="pick", hit="blue.png")["picked"] == "blue.png"
    assert site.step(session, do="unpick")["picked"] == ""


def test_words_that_were_understood_can_be_changed(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    site.step(session, do="but", sentence="blue please")
    changed = site.step(session, do="change", values={"target_caption": "a green square", "desired": []})
    assert ids(changed)[0] == "green.png"


def test_a_step_by_another_recipe_stays_with_it(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    said = site.step(session, do="but", sentence="green please", recipe="text-only")
    assert (said["recipe"], said["trace"]["recipe"]) == ("text-only", "text-only")
    assert ids(said)[0] == "green.png"


def test_stages_are_told_while_they_run(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    answer = site.ask(
        "POST",
        f"/api/sessions/{session}/steps",
        {"do": "but", "sentence": "blue please"},
        {"Accept": "text/event-stream"},
    )
    events = [block.split("\n") for block in answer.body.decode().strip().split("\n\n")]
    named = [(one[0].removeprefix("event: "), json.loads(one[1].removeprefix("data: "))) for one in events]
    done = [data["stage"] for name, data in named if name == "stage" and data["done"]]
    assert done == ["check", "describe", "reason", "ground", "search"]
    assert named[-1][0] == "session"
    assert ids(named[-1][1])[0] == "blue.png"


def test_a_problem_ends_a_stream(site: Site) -> None:
    session = site.begin()
    answer = site.ask(
        "POST",
        f"/api/sessions/{session}/steps",
        {"do": "but", "sentence": " "},
        {"Accept": "text/event-stream"},
    )
    assert b"event: problem" in answer.body
    assert b"the sentence is empty" in answer.body


def test_a_picture_of_ones_own_is_kept_and_begun_with(site: Site) -> None:
    session = site.begin()
    found = site.ask("PUT", f"/api/sessions/{session}/picture", picture("navy")).json
    assert ids(found)[0] == "blue.png"
    shown = site.ask("GET", found["reference"]["picture"])
    assert (shown.status, shown.headers["content-type"]) == (200, "image/webp")
    name = found["reference"]["picture"].rpartition("/")[2]
    again = site.step(session, do="start", upload=name)
    assert ids(again)[0] == "blue.png"


def test_pictures_are_small_named_by_contents_and_the_file_itself_at_size_0(site: Site) -> None:
    place = f"/api/pictures/{site.gallery}/0"
    small = site.ask("GET", f"{place}?size=100")
    assert small.headers["content-type"] == "image/webp"
    assert (
        site.ask("GET", f"{place}?size=100", headers={"If-None-Match": small.headers["etag"]}).status == 304
    )
    whole = site.ask("GET", f"{place}?size=0")
    assert whole.body == (site.folder / "gallery" / "blue.png").read_bytes()
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["x-content-type-options"] == "nosniff"


def test_items_of_a_gallery_come_a_page_at_a_time(site: Site) -> None:
    page = site.ask("GET", f"/api/items?gallery={site.gallery}&skip=1&count=2").json
    assert ([item["id"] for item in page["items"]], page["all"]) == (["green.png", "grey.png"], 4)
    assert site.ask("GET", f"/api/items?gallery={site.gallery}&skip=99").json["items"] == []


def test_hits_leave_in_the_forms_of_the_command_line(site: Site) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    base = f"/api/sessions/{session}/export"
    assert site.ask("GET", f"{base}?form=json").json["ranking"]["hits"][0]["id"] == "red.png"
    assert site.ask("GET", f"{base}?form=csv").body.startswith(b"rank,score,path\n1,")
    path = str(site.folder / "gallery" / "red.png")
    assert site.ask("GET", f"{base}?form=paths&hits=red.png").body.decode() == f"{path}\n"
    answer = site.ask("GET", f"{base}?form=zip&hits=red.png&hits=blue.png")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        names = sorted(archive.namelist())
        assert names[0] == "001-red.png"
        assert archive.read("001-red.png") == Path(path).read_bytes()
        assert len(names) == 2
    assert "attachment" in answer.headers["content-disposition"]


def test_two_recipes_side_by_side(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    site.step(session, do="but", sentence="blue please")
    found = site.ask("POST", "/api/compare", {"session": session, "recipe": "image-only", "turn": 1}).json
    assert found["recipe"] == "image-only"
    assert ids({"hits": found["here"]})[0] == "blue.png"
    assert len(found["there"]) > 1
    assert len(site.ask("GET", f"/api/sessions/{session}").json["turns"]) == 2


def test_an_estimate_asks_nothing(site: Site) -> None:
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    found = site.ask("GET", f"/api/estimate?session={session}&sentence=never%20said%20before").json
    assert found["calls"] >= 1
    assert site.ask("GET", f"/api/estimate?session=&gallery={site.gallery}&sentence=a").status == 200


def test_one_query_is_the_record_of_the_command_line(site: Site) -> None:
    asked = {"gallery": site.gallery, "reference": "red.png", "modification": "blue please", "k": 2}
    record = site.ask("POST", "/api/query", asked).json
    assert record["schema_version"] == 1
    assert record["ranking"]["hits"][0]["id"] == "blue.png"
    assert len(record["ranking"]["hits"]) == 2


def test_a_query_may_bring_its_picture(site: Site) -> None:
    upload = site.ask("PUT", "/api/uploads", picture("green")).json["upload"]
    record = site.ask("POST", "/api/query", {"upload": upload, "recipe": "image-only"}).json
    assert record["ranking"]["hits"][0]["id"] == "green.png"


def test_a_deleted_session_lies_in_the_trash(site: Site) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    assert site.ask("DELETE", f"/api/sessions/{session}").status == 200
    assert site.ask("GET", f"/api/sessions/{session}").status == 404
    (gone,) = (site.folder / "sessions" / "trash").glob(f"{session}-*")
    assert (gone / "dialogue.json").is_file()
    assert session not in [one["id"] for one in site.ask("GET", "/api/sessions").json]


def test_the_list_of_sessions_has_the_latest_first(site: Site) -> None:
    one, two = site.begin(), site.begin()
    site.step(one, do="but", sentence="a red square")
    listed = site.ask("GET", "/api/sessions").json
    assert [listed[0]["id"], listed[1]["id"]] == [one, two]
    assert (listed[0]["words"], listed[0]["turns"]) == ("a red square", 1)
    assert listed[0]["age"] < 60


def test_the_folder_of_a_hit_is_opened_here(site: Site) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    assert site.ask("POST", "/api/open", {"session": session, "hit": "red.png"}).status == 200
    assert site.opened[-1] == str(site.folder / "gallery" / "red.png")
    asked = {"session": session, "hit": "red.png", "turn": -1}
    assert site.ask("POST", "/api/open", asked).status == 404  # before anything was found


def test_a_killed_servers_sessions_are_there_in_the_next(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        session = first.begin()
        first.step(session, do="start", hit="red.png")
        said = first.step(session, do="but", sentence="blue please")
    with running(tmp_path) as second:
        again = second.ask("GET", f"/api/sessions/{session}").json
        assert again == said
        assert ids(second.step(session, do="weigh", values={"reference": 90.0}))


def test_read_only_opens_no_folder(tmp_path: Path) -> None:
    from tests.pipeline.colours import colour_composer

    colour_composer(tmp_path)
    with running(tmp_path, read_only=True) as made:
        state = made.ask("GET", "/api/state").json
        assert state["read_only"] is True
        assert "no index yet" in state["galleries"][0]["problem"]
        answer = made.ask("POST", "/api/open", {"session": "A" * 16, "hit": "red.png"})
        assert answer.status == 403
        answer = made.ask("POST", "/api/sessions", {"gallery": made.gallery})
        assert answer.status == 503
        assert "cannot be opened" in answer.json["message"]
