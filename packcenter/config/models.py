"""
What may stand in the four kinds of files, key by key: site, sort plan, PLC profile, people.

The models are strict and closed: no value is converted, no unknown key is passed over. A field's description is shown in errors
and by `schema`, so it says what the value is for. What one model alone cannot know is checked in `packcenter.config.check`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from packcenter.config.case_models import PREFIX_PATTERN, CaseRack, CaseType
from packcenter.config.fields import NAME_PATTERN, PLACES_MAX, PLC_NAME_PATTERN, Closed, IdealCycle, Millis, Name, Place, PlcName
from packcenter.config.loop_models import Loop
from packcenter.config.people_models import (
    AGENCIES_MAX,
    DATE_PATTERN,
    DIGEST_PATTERN,
    PEOPLE_SCHEMA,
    REASON_CHARACTERS_MAX,
    REASONS,
    REASONS_MAX,
    STAFF_PATTERN,
    People,
)
from packcenter.core.limits import DISCREPANCY_MINUTES, DISCREPANCY_MINUTES_MAX, DISCREPANCY_SECURE_MINUTES

SITE_SCHEMA = "packcenter.site/1"
PLAN_SCHEMA = "packcenter.plan/1"
PROFILE_SCHEMA = "packcenter.profile/1"

OUT_WORDS = 125  # the images' lengths; `tests/config` compares them with `packcenter.plc.image`, which config may not import
IN_WORDS = 114
WATCHDOG_MS = 800  # the interface's heartbeat limit, the same on both sides

Role = Literal["sorter", "bagger", "rack", "case_rack"]
Protocol = Literal["opcua", "modbus"]
Service = Literal["ems", "registered", "receipt-requested", "outlet-pickup"]

_LANE_NAME = r"^[a-z][a-z0-9-]{0,31}/[1-9][0-9]?$"
_POSTCODES = r"^[0-9]{6}(-[0-9]{6})?$"
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_SHIFT = r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
_OFFICE = r"^[A-Z0-9]{6}$"
_OUTLET = r"^[A-Z][A-Z0-9-]{3,15}$"
_FILE_PATH = r"^[^\x00-\x1f]+$"
_PROFILE_NAME = r"^[A-Za-z0-9._/-]+$"
_CENTRE = r"^[A-Z0-9]{2,12}$"
_TWO_LETTERS = r"^[A-Z]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} ([01][0-9]|2[0-3]):[0-5][0-9]$"
_REASON = r"^[^\x00-\x20\x7f]+( [^\x00-\x20\x7f]+)*$"
_VERSION = r"^[A-Za-z0-9._-]{1,40}$"
_NODE = r"^[^\x00-\x1f]{1,200}$"
_URL_PATH = r"^(/[A-Za-z0-9._~/-]{0,100})?$"
_HOST = r"^[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9][a-z0-9-]{0,62}){0,8}$"

PATTERN_WORDS = {
    PREFIX_PATTERN: 'up to 32 capital letters, digits and "-"',
    NAME_PATTERN: 'up to 48 lower-case letters, digits, "-" and "_", a letter first',
    PLC_NAME_PATTERN: 'up to 32 lower-case letters, digits and "-", a letter first',
    _LANE_NAME: 'sorter and lane number, such as "sorter-1/4"',
    _POSTCODES: 'six digits or a range of them, such as "210000-210099"',
    _TIME_OF_DAY: 'a time of day from "00:00" to "23:59"',
    _SHIFT: 'begin and end of a shift, such as "08:00-17:30" or "22:00-06:00"',
    _OFFICE: "six capital letters and digits",
    _OUTLET: "4 to 16 capital letters, digits and hyphens, a letter first",
    _FILE_PATH: "a path without control characters",
    _PROFILE_NAME: 'a profile\'s name, or a path of letters, digits, ".", "_", "-" and "/"',
    _CENTRE: "2 to 12 capital letters and digits",
    _TWO_LETTERS: "two capital letters",
    _REASON: "words without control characters, with single blanks between them",
    _VERSION: 'up to 40 letters, digits, ".", "_" and "-"',
    _NODE: 'the text of a string NodeId without namespace, such as "Out"',
    _URL_PATH: 'empty or a path that begins with "/"',
    _HOST: "a host name in lower case",
    STAFF_PATTERN: 'a staff number: letters, digits, ".", "_" and "-", at least one digit',
    DIGEST_PATTERN: "the line that `packcenter people add` or `packcenter people agency add` writes",
    DATE_PATTERN: 'a day such as "2027-01-31"',
    _MOMENT: 'a day and a time such as "2027-01-31 06:00"',
}

ActReason = Annotated[str, Field(pattern=_REASON, max_length=REASON_CHARACTERS_MAX, examples=["换膜"])]
LaneName = Annotated[str, Field(pattern=_LANE_NAME, examples=["plc-1/1"])]
Postcodes = Annotated[str, Field(pattern=_POSTCODES, examples=["210000-210099"])]
TimeOfDay = Annotated[str, Field(pattern=_TIME_OF_DAY, examples=["17:30"])]
Moment = Annotated[str, Field(pattern=_MOMENT, examples=["2027-01-31 06:00"])]
Shift = Annotated[str, Field(pattern=_SHIFT, examples=["08:00-17:30"])]
Office = Annotated[str, Field(pattern=_OFFICE, examples=["CNNKGA"])]
Outlet = Annotated[str, Field(pattern=_OUTLET, examples=["NJ-PO-018"])]
FilePath = Annotated[str, Field(min_length=1, max_length=400, pattern=_FILE_PATH, examples=["folder/file"])]
Node = Annotated[str, Field(pattern=_NODE, examples=["Out"])]
Text = Annotated[str, Field(min_length=1, max_length=200, examples=["text"])]


# --- site.toml -----------------------------------------------------------------------------------------------------------


class Journal(Closed):
    """Where the journal lies."""

    folder: FilePath = Field(description="Folder of the journal's segments, relative to the site file.")
    lab: bool = Field(default=False, description="True allows file systems that a real site must not use (overlay, tmpfs).")


class Manifests(Closed):
    """Where manifests come in."""

    folder: FilePath = Field(
        description="Folder with the subfolders in, done and results, in which agencies' manifests are taken and answered."
    )


class Receipts(Closed):
    """Return receipts of what was sent with the service receipt-requested; without this table nobody waits for them."""

    hours: Annotated[int, Field(ge=1, le=8_784)] = Field(description="Hours after dispatch until a receipt is overdue.")
    folder: FilePath = Field(description="Folder with in, done, refused and results, in which files of receipts are taken.")


class Papers(Closed):
    """What the service writes for others while it runs; without this table it writes nothing."""

    bills: FilePath = Field(description="Folder of the bills of bags that left, relative to the site file.")
    feed: FilePath = Field(description="Folder of what each agency is told of its items, relative to the site file.")


class Receptacles(Closed):
    """What the S9 tags of our bags begin with; without this table bags bear tags of the centre's own."""

    origin: Office = Field(description="Our office of exchange (IMPC), six capital letters and digits.")
    category: Literal["A", "B", "C", "D"] = Field(description="A air or priority, B S.A.L., C surface, D priority by surface.")
    subclass: Annotated[str, Field(pattern=_TWO_LETTERS, examples=["EN"])] = Field(description="Mail subclass, two letters.")


class Tls(Closed):
    """Our certificate for HTTPS; both paths are relative to the site file."""

    certificate: FilePath = Field(description="Certificate of the service in PEM, with those between it and its root.")
    private_key: FilePath = Field(description="The certificate's private key in PEM, without a password.")


class Http(Closed):
    """The address of metrics, status, the live page and people's acts."""

    host: Text = Field(default="127.0.0.1", description="IP address on which to listen for metrics, status and the live page.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=9464, description="TCP port of the pages; 0 takes a free one.")
    beyond_loopback: bool = Field(
        default=False, description="True says that other machines shall reach the pages, which have no password of their own."
    )
    names: Annotated[list[Annotated[str, Field(pattern=_HOST, examples=["hall.example"])]], Field(max_length=16)] = Field(
        default_factory=list, description="Names by which other machines reach the service, beside IP addresses and localhost."
    )
    tls: Tls | None = Field(default=None, description="Our certificate; with it the service speaks HTTPS only.")


class Acts(Closed):
    """What people may do through the service; without this table it only shows."""

    people: FilePath = Field(
        description="File of the people who may act, relative to the site file; `packcenter people` writes it."
    )
    reasons: Annotated[list[ActReason], Field(max_length=REASONS_MAX)] = Field(
        default_factory=lambda: [*REASONS],
        description="Reasons of acts in Chinese that may be given word for word; free Chinese text may be a name.",
    )


class Discrepancies(Closed):
    """By when people have to explain what the books cannot."""

    minutes: Annotated[int, Field(ge=1, le=DISCREPANCY_MINUTES_MAX)] = Field(
        default=DISCREPANCY_MINUTES, description="Minutes until a discrepancy is overdue: a shift."
    )
    secure_minutes: Annotated[int, Field(ge=1, le=DISCREPANCY_MINUTES_MAX)] = Field(
        default=DISCREPANCY_SECURE_MINUTES,
        description="The same for what is an ID document or may be one: it is sought while the trail is fresh.",
    )


class Waybills(Closed):
    """The UPU S10 range of which parcels without a waybill get theirs."""

    indicator: Annotated[str, Field(pattern=_TWO_LETTERS, examples=["EA"])] = Field(
        description="S10 service indicator, two letters; EA to EZ are EMS."
    )
    country: Annotated[str, Field(pattern=_TWO_LETTERS, examples=["CN"])] = Field(
        description="ISO 3166-1 code of the country that issues the numbers."
    )
    first: Annotated[int, Field(ge=0, le=99_999_999)] = Field(description="First serial of our range, without check digit.")
    last: Annotated[int, Field(ge=0, le=99_999_999)] = Field(description="Last serial of our range, without check digit.")
    day_items_max: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        description="Most parcels of one day; a range that cannot serve one day is refused."
    )


class MailClass(Closed):
    """What the items of one class have in common."""

    name: Name = Field(description="Name of the class as manifests write it.")
    secure: bool = Field(description="True keeps the class out of every lane that is not secure.")
    grams_min: Annotated[int, Field(ge=1, le=30_000)] = Field(description="Least weight of a sealed parcel, pouch included.")
    grams_max: Annotated[int, Field(ge=1, le=30_000)] = Field(description="Greatest weight of a sealed parcel, pouch included.")
    pouch: Annotated[int, Field(ge=1, le=65535)] = Field(description="Number of the pouch size that the bagger takes for it.")
    thickness_um_max: Annotated[int, Field(ge=0, le=655_350, multiple_of=10)] = Field(
        default=0, description="Thickest single document in micrometres; a thicker one is taken for two. 0 does not check."
    )


class Security(Closed):
    """How an OPC UA channel is secured; the four files' paths are relative to the site file."""

    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = Field(
        default="Basic256Sha256", description="Security policy."
    )
    mode: Literal["Sign", "SignAndEncrypt"] = Field(default="SignAndEncrypt", description="Security mode.")
    certificate: FilePath = Field(description="Our certificate.")
    private_key: FilePath = Field(description="The private key of our certificate.")
    server_certificate: FilePath = Field(description="The PLC's certificate, the only one that is trusted.")
    application_uri: Text = Field(description="The URI in our certificate; strict servers compare it.")


class Plc(Closed):
    """One PLC: who it is, what it speaks, where it is."""

    name: PlcName = Field(description="Name of the PLC in configuration, journal, metrics and screens.")
    role: Role = Field(description="What the machine is; its profile must be for the same role.")
    profile: Annotated[str, Field(min_length=1, max_length=200, pattern=_PROFILE_NAME, examples=["profile"])] = Field(
        description="Name of a shipped profile, or a path ending in .toml relative to the site file."
    )
    address: Annotated[str, Field(min_length=3, max_length=300, examples=["127.0.0.1:1"])] = Field(
        description="Host and port, such as 10.0.3.11:502 or [fd00::11]:4840."
    )
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = Field(
        default=None, description="Modbus unit id when it differs from the profile's, as behind a gateway."
    )
    security: Security | None = Field(default=None, description="OPC UA: how the channel is secured; without it, it is not.")


class Lane(Closed):
    """One lane of a sorter."""

    number: Place = Field(description="Number of the lane, 1 to 32; each has one bit in the PLC's image.")
    feeds: PlcName | None = Field(default=None, description="Bagger that empties the lane; only the exception lane has none.")
    infeed: Place | None = Field(default=None, description="Infeed of that bagger, from 1.")
    distance_mm: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Millimetres from the scanner to the diverter.")
    capacity_items: Annotated[int, Field(ge=1, le=10_000)] = Field(description="Items that fit into the lane.")
    rate_per_minute: Annotated[int, Field(ge=1, le=6000)] | None = Field(
        default=None, description="Most items that the lane takes in a minute, by its PLC; without it, no limit."
    )
    secure: bool = Field(description="True if the lane is closed in, so that ID documents may wait there.")


class Sorter(Closed):
    """One sorting line."""

    plc: PlcName = Field(description="Name of the sorter's PLC.")
    belt_speed_mm_per_s: Annotated[int, Field(ge=10, le=10_000)] = Field(
        description="Speed of the belt in millimetres a second (1.5 m/s is 1500); every decision's deadline comes from it."
    )
    belt_length_mm: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="Millimetres from the scanner to the belt's end."
    )
    actuator_ms: Annotated[int, Field(ge=0, le=5_000)] = Field(description="Milliseconds a diverter needs to be in place.")
    link_budget_ms: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="Milliseconds kept for the wire between a decision and the PLC."
    )
    confirm_slack_ms: Annotated[int, Field(ge=1, le=60_000)] = Field(
        description="Milliseconds after the belt's end at which an item that no eye saw counts as unconfirmed."
    )
    exception_lane: Place = Field(description="Lane at the belt's end, the fallback of every decision, emptied by people.")
    loop: Loop | None = Field(default=None, description="Where the belt goes round; without it, it ends in the exception lane.")
    ideal_cycle_ms: IdealCycle = None
    lane: Annotated[list[Lane], Field(min_length=2, max_length=PLACES_MAX)] = Field(description="The sorter's lanes.")


class Bagger(Closed):
    """One bagging machine."""

    plc: PlcName = Field(description="Name of the bagger's PLC.")
    infeeds: Place = Field(description="How many infeeds the machine has.")
    feed_timeout_ms: Millis = Field(description="Longest time from a begun parcel to the fed document.")
    verdict_timeout_ms: Millis = Field(description="Longest time from seal or reject to the finished pouch.")
    ideal_cycle_ms: IdealCycle = None


class Position(Closed):
    """One place of the dispatch rack where a mail bag hangs."""

    number: Place = Field(description="Number of the position, 1 to 32; each has one bit in the PLC's image.")
    destination: Name = Field(description="Destination of the plan whose bag hangs there.")
    services: Annotated[list[Service], Field(max_length=4)] = Field(
        default_factory=list, description="Only these; empty: the rest."
    )


class Rack(Closed):
    """The dispatch rack."""

    plc: PlcName = Field(description="Name of the rack's PLC.")
    reject_position: Annotated[int, Field(ge=0, le=65535)] = Field(description="Where parcels for the hand station fall; no bag.")
    drop_timeout_ms: Millis = Field(description="Longest time from a sealed parcel to its fall into a bag.")
    close_timeout_ms: Millis = Field(description="Longest time to close and seal a bag.")
    ideal_cycle_ms: IdealCycle = None
    position: Annotated[list[Position], Field(min_length=1, max_length=PLACES_MAX)] = Field(description="Places with a bag.")


class Site(Closed):
    """One centre: its machines, mail classes, folders and addresses."""

    schema_: Literal["packcenter.site/1"] = Field(alias="schema", description="Kind and version of this file.")
    name: Text = Field(description="Name of the centre for people.")
    centre: Annotated[str, Field(pattern=_CENTRE, examples=["NJ01"])] = Field(
        description="Short id of the centre; bag tags and journal headers begin with it."
    )
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)] = Field(
        description="Minutes that local time is ahead of UTC (China 480); cut-offs are local."
    )
    plan: FilePath = Field(description="File of the sort plan, relative to the site file.")
    agencies: Annotated[list[Name], Field(min_length=1, max_length=AGENCIES_MAX)] = Field(description="Agencies that send mail.")
    services: Annotated[list[Service], Field(min_length=1, max_length=4)] = Field(description="Services that the centre offers.")
    waybill_forms: Annotated[list[Text], Field(max_length=32)] = Field(default_factory=list, description="# a digit, @ a letter.")
    shifts: Annotated[list[Shift], Field(max_length=12)] = Field(
        default_factory=list,
        description="When machines are planned to be busy, in local time every day: availability and OEE count no other. "
        "Empty: always.",
    )
    journal: Journal = Field(description="Where the journal lies.")
    manifests: Manifests = Field(description="Where manifests come in.")
    receipts: Receipts | None = Field(default=None, description="Return receipts; without it nobody waits for them.")
    receptacles: Receptacles | None = Field(default=None, description="Our part of S9 bag tags; without it none are made.")
    papers: Papers | None = Field(default=None, description="Bills and agencies' events; without it none are written.")
    http: Http = Field(default_factory=Http, description="Address of metrics, status and the live page.")
    acts: Acts | None = Field(default=None, description="What people may do; without it the service only shows.")
    discrepancies: Discrepancies = Field(
        default_factory=Discrepancies, description="By when people explain what the books cannot."
    )
    plans: FilePath | None = Field(
        default=None,
        description="Folder of the sort plans to which the running hall may be switched, and back to its own, relative to the "
        "site file; without it, to none.",
    )
    waybills: Waybills = Field(description="Range of our own waybill numbers.")
    mail_class: Annotated[list[MailClass], Field(min_length=1, max_length=64)] = Field(description="The mail classes.")
    plc: Annotated[list[Plc], Field(min_length=1, max_length=64)] = Field(description="Every PLC.")
    sorter: Annotated[list[Sorter], Field(min_length=1, max_length=16)] = Field(description="The sorting lines.")
    bagger: Annotated[list[Bagger], Field(min_length=1, max_length=32)] = Field(description="The bagging machines.")
    rack: Rack = Field(description="The dispatch rack.")
    case_rack: Annotated[list[CaseRack], Field(max_length=8)] = Field(
        default_factory=list, description="The case racks; without one every document leaves alone."
    )
    case_type: Annotated[list[CaseType], Field(max_length=64)] = Field(
        default_factory=list, description="The kinds of cases, the narrowest prefix first."
    )


# --- plan.toml -----------------------------------------------------------------------------------------------------------


class Destination(Closed):
    """A named part of the country."""

    name: Name = Field(description="Name of the destination.")
    postcodes: Annotated[list[Postcodes], Field(max_length=200)] = Field(
        default_factory=list, description="Its six-digit postcodes, single or as ranges with both ends included."
    )
    outlets: Annotated[list[Outlet], Field(max_length=2_000)] = Field(
        default_factory=list, description="Codes of its post outlets."
    )
    office: Office | None = Field(default=None, description="Its office of exchange (IMPC), for S9 tags of its bags.")
    everything_else: bool = Field(default=False, description="True gives it every postcode that no other destination has.")


class Group(Closed):
    """Lanes that serve alike."""

    name: Name = Field(description="Name of the group.")
    lanes: Annotated[list[LaneName], Field(min_length=1, max_length=512)] = Field(
        description="Its lanes, written sorter/number, in the order in which they fill."
    )
    balance: Literal["first", "least"] = Field(description='"first" fills the lanes in order, "least" takes the emptiest.')
    overflow: Annotated[list[Name], Field(max_length=16)] = Field(
        default_factory=list, description="Groups to try in this order when no lane of this one has room."
    )
    not_on: Annotated[list[PlcName], Field(max_length=16)] = Field(
        default_factory=list, description="Sorters that never see this mail, so that no lane is missed there."
    )


class Rule(Closed):
    """One line of the plan: an item that fits every list goes to the group; an empty list fits all."""

    name: Name = Field(description="Name of the rule; it is written beside every decision.")
    mail_classes: Annotated[list[Name], Field(max_length=64)] = Field(default_factory=list, description="Classes; empty: all.")
    agencies: Annotated[list[Name], Field(max_length=200)] = Field(default_factory=list, description="Agencies; empty: all.")
    destinations: Annotated[list[Name], Field(max_length=1000)] = Field(
        default_factory=list, description="Destinations; empty: all."
    )
    services: Annotated[list[Service], Field(max_length=4)] = Field(default_factory=list, description="Services; empty: all.")
    group: Name = Field(description="Group of lanes for the items that fit.")
    combine: bool = Field(
        default=False, description="Whether its letters of one agency to one addressee leave in one parcel; needs a case rack."
    )
    combine_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=60, description="How long the first of them waits for the others, at most; a cut-off or due time ends it sooner."
    )
    combine_pouch: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Size of the pouch that such letters fit into; without it: that of their mail class."
    )


class Bags(Closed):
    """When a mail bag is closed."""

    items_max: Annotated[int, Field(ge=1, le=10_000)] = Field(description="Parcels in a full bag.")
    grams_max: Annotated[int, Field(ge=100, le=100_000)] = Field(description="Weight of a full bag in grams.")
    cutoffs: Annotated[list[TimeOfDay], Field(max_length=48)] = Field(
        default_factory=list, description='Local times "HH:MM" at which every open bag is closed for its lorry.'
    )


class Plan(Closed):
    """The sort plan."""

    schema_: Literal["packcenter.plan/1"] = Field(alias="schema", description="Kind and version of this file.")
    version: Annotated[str, Field(pattern=_VERSION, examples=["1"])] = Field(
        description="Name of this version; every item keeps the version that decided it."
    )
    valid_from: Moment | None = Field(
        default=None, description="Local day and time before which nobody can switch to this plan; without it: at once."
    )
    valid_until: Moment | None = Field(
        default=None, description="Local day and time from which on it should not be in force any more; without it: for ever."
    )
    bags: Bags = Field(description="When a mail bag is closed.")
    destination: Annotated[list[Destination], Field(min_length=1, max_length=1000)] = Field(description="The destinations.")
    group: Annotated[list[Group], Field(min_length=1, max_length=200)] = Field(description="The lane groups.")
    rule: Annotated[list[Rule], Field(min_length=1, max_length=500)] = Field(
        description="The rules in order; the first that fits an item decides."
    )


# --- plc_profiles/*.toml ----------------------------------------------------------------------------------------------------


class Identity(Closed):
    """What the profile describes, in the words of an OPC UA nameplate."""

    manufacturer: Text = Field(description="Who makes the device or its program.")
    model: Text = Field(description="Which device or program it is.")
    revision: Text = Field(description="Which revision the profile was written for.")
    verified: Literal["none", "document", "implementation", "device"] = Field(
        description="How far the profile is proven; README.md has the checklist of each level."
    )


class Line(Closed):
    """How the line interface is exchanged."""

    version: Annotated[int, Field(ge=256, le=256)] = Field(description="Version of the line interface, 0x0100.")
    scan_cycle_ms: Annotated[int, Field(ge=1, le=1_000)] = Field(
        description="Longest scan cycle of the PLC; a decision must be there that long before its diverter acts."
    )
    poll_gap_ms: Annotated[int, Field(ge=1, le=1_000)] = Field(description="Pause between two exchanges when there is no news.")
    request_timeout_ms: Annotated[int, Field(ge=10, le=10_000)] = Field(
        description="Longest wait for an answer; then the connection is dropped and made anew."
    )


class ModbusImage(Closed):
    """Where an image lies among the holding registers."""

    address: Annotated[int, Field(ge=0, le=65_536)] = Field(description="Holding register of word 0.")
    count: Annotated[int, Field(ge=1, le=65_536)] = Field(description="How many registers the image has.")


class ModbusImages(Closed):
    """Both images on Modbus."""

    out: ModbusImage = Field(description="The image that the PLC writes, 125 words.")
    in_: ModbusImage = Field(alias="in", description="The image that packcenter writes, 114 words.")


class Modbus(Closed):
    """How the device speaks Modbus TCP."""

    unit_id: Annotated[int, Field(ge=0, le=255)] = Field(description="Unit id; 1 or 255 for a device that is no gateway.")
    address_base: Annotated[int, Field(ge=0, le=1)] = Field(
        description="Whether this file counts registers from 0 or from 1, as its source does."
    )
    word_order: Literal["ABCD", "CDAB"] = Field(description="Order of 32-bit values: ABCD high word first, CDAB low word first.")
    max_read_registers: Annotated[int, Field(ge=1, le=125)] = Field(description="Most registers that one request may read.")
    max_write_registers: Annotated[int, Field(ge=1, le=123)] = Field(description="Most registers that one request may write.")
    function_codes: Annotated[list[Annotated[int, Field(ge=1, le=127)]], Field(min_length=1, max_length=32)] = Field(
        description="Functions that the device knows: 3 to read, and 16 or 23 to write; 23 writes and reads in one round trip."
    )
    images: ModbusImages = Field(description="Where the two images lie.")


class OpcuaImage(Closed):
    """Which variable is an image."""

    node: Node = Field(description="Text of its string NodeId in the namespace: Out of ns=3;s=Out.")
    count: Annotated[int, Field(ge=1, le=65_536)] = Field(description="How many words the UInt16 array has.")


class OpcuaImages(Closed):
    """Both images on OPC UA."""

    out: OpcuaImage = Field(description="The variable that the PLC writes, UInt16[125].")
    in_: OpcuaImage = Field(alias="in", description="The variable that packcenter writes, UInt16[114].")


class Opcua(Closed):
    """How the device speaks OPC UA."""

    path: Annotated[str, Field(pattern=_URL_PATH, examples=["/x"])] = Field(
        default="", description="Path of the endpoint after host and port."
    )
    namespace_uri: Annotated[str, Field(min_length=1, max_length=200, examples=["urn:x"])] = Field(
        description="URI of the nodes' namespace; its index may move and is looked up at every connection."
    )
    images: OpcuaImages = Field(description="Which variables the two images are.")


class Packml(Closed):
    """Which edition of the state model the machine follows."""

    hold_from: Literal["tr88_2022", "tr88_2015_opcua"] = Field(
        description="States from which Hold is legal: Execute and Suspended (2022), or the six of OPC 30050 (2015)."
    )


class FailSafe(Closed):
    """What the machine does alone when packcenter is gone."""

    watchdog_ms: Annotated[int, Field(ge=1, le=60_000)] = Field(
        description="How long packcenter's heartbeat may stand still before the PLC stops its infeed; the interface says 800."
    )
    on_controller_lost: Literal["suspend"] = Field(description="The infeed stops, the belt runs out to the fallback lanes.")


class Point(Closed):
    """A further value that diagnostics may read and nobody decides by."""

    name: Name = Field(description="Name of the point.")
    address: Annotated[int, Field(ge=0, le=65_536)] | None = Field(default=None, description="Modbus: its first register.")
    table: Literal["coil", "discrete_input", "input_register", "holding_register"] | None = Field(
        default=None, description="Modbus: the table it lies in."
    )
    node: Node | None = Field(default=None, description="OPC UA: text of its string NodeId in the profile's namespace.")
    type: Literal["bool", "int16", "uint16", "int32", "uint32"] = Field(description="Type of the value on the wire.")
    unit: Annotated[str, Field(max_length=20, examples=["1"])] = Field(
        default="1", description="Unit as a UCUM code, 1 for none."
    )
    means: Text = Field(description="What the value says, for maintenance.")


class Profile(Closed):
    """How one kind of PLC speaks the line interface."""

    schema_: Literal["packcenter.profile/1"] = Field(alias="schema", description="Kind and version of this file.")
    role: Role = Field(description="Which machines the profile is for.")
    protocol: Protocol = Field(description="Which protocol carries the images.")
    identity: Identity = Field(description="What the profile describes.")
    line: Line = Field(description="How the images are exchanged.")
    modbus: Modbus | None = Field(default=None, description="How the device speaks Modbus TCP.")
    opcua: Opcua | None = Field(default=None, description="How the device speaks OPC UA.")
    packml: Packml = Field(description="Which edition of PackML the machine follows.")
    fail_safe: FailSafe = Field(description="What the machine does alone when packcenter is gone.")
    point: Annotated[list[Point], Field(max_length=500)] = Field(default_factory=list, description="Points for diagnostics.")


MODELS: dict[str, type[Closed]] = {"site": Site, "plan": Plan, "profile": Profile, "people": People}
SCHEMA_KINDS = {SITE_SCHEMA: "site", PLAN_SCHEMA: "plan", PROFILE_SCHEMA: "profile", PEOPLE_SCHEMA: "people"}


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind of file, "site", "plan", "profile" or "people"; `KeyError` for another."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:packcenter:schema:{kind}:1",
        **MODELS[kind].model_json_schema(by_alias=True),
    }
