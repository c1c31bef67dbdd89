"""
The catalogue of alarms 报警 (ISA-18.2, IEC 62682): data that the core decides by and that people read.

An alarm is something that a person must act on now; everything else is an event, and stands in the journal as a fact.
Each says what is wrong (`cause`), what comes of it if nobody acts (`consequence`), and what to do (`response`), in English
and Chinese. Nothing here names an item's addressee, and no text holds a value: the subject says where.

Causes stand above what they lead to: `suppresses` names only alarms further down. While a cause stands, the alarms of the
same PLC that it explains are suppressed: one cause, one alarm.

Changing which alarms there are, their delays or what they suppress changes decisions: raise `VERSION`, and keep the old
table for the journals that were decided by it. Texts and priorities may change at any time.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

VERSION: Final = 1


class Priority(StrEnum):
    """How soon a person must act, by what it costs to wait: few alarms are high."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Subject(StrEnum):
    """What an alarm is about; the hall bounds how many there are."""

    PLC = "plc"  # any PLC of the hall: bagger-1
    SORTER = "sorter"
    BAGGER = "bagger"
    RACK = "rack"
    EXCEPTION_LANE = "exception_lane"  # sorter-1/9
    CASE_RACK = "case_rack"
    CELL = "cell"  # of a case rack: cases-1/12
    CONSUMABLE = "consumable"  # of a bagger: bagger-1/2
    STATION = "station"  # a PLC, or the hall by its name for what no PLC holds
    HALL = "hall"  # the short id of its centre


CONSUMABLES: Final = {1: ("film", "袋膜"), 2: ("labels", "标签"), 3: ("ribbon", "色带")}
"""The line interface's consumables of a bagger, as people call them."""


class Text(msgspec.Struct, frozen=True):
    """One text in both languages of the hall."""

    en: str
    zh: str


class Entry(msgspec.Struct, frozen=True):
    """
    One alarm of the catalogue.

    `latched`: its cause is over at once, so it stays until it is acknowledged. `delay_us`: how long its cause must stand
    before a person is called (ISA-18.2 on-delay).
    """

    name: str
    subject: Subject
    priority: Priority
    title: Text
    cause: Text
    consequence: Text
    response: Text
    suppresses: tuple[str, ...] = ()
    latched: bool = False
    delay_us: int = 0


LINK_DELAY_US: Final = 10_000_000
"""A restart of either side, or a switch that renews its tables, is over in that."""

HELD_DELAY_US: Final = 30_000_000
"""What a machine does about itself, or its operator at once, is done in that."""

_OF_A_SILENT_PLC: Final = (
    "machine_aborted", "jam", "consumable_empty", "machine_held", "command_unanswered", "rack_refuses",
    "exception_lane_full", "consumable_low",
)  # fmt: skip

_ENTRIES: Final = (
    Entry(
        "network_lost",
        Subject.HALL,
        Priority.HIGH,
        Text("No PLC can be heard", "所有 PLC 失联"),
        Text(
            "Not one PLC of the hall can be heard: the network switch, its power, or this computer's cable.",
            "全厂 PLC 均无心跳：交换机、其电源或本机网线。",
        ),
        Text(
            "Nothing is commanded; all machines stop, or run to the exception lane, by themselves.",
            "无法下达任何命令；各设备自行停止或走异常格口。",
        ),
        Text(
            "Check the controller's network cable and the switch of the machines' network, then their power.",
            "检查控制器网线和设备网交换机，再查其电源。",
        ),
        suppresses=("link_lost", "link_unsteady"),
        delay_us=LINK_DELAY_US,
    ),
    Entry(
        "link_lost",
        Subject.PLC,
        Priority.HIGH,
        Text("PLC cannot be heard", "PLC 失联"),
        Text(
            "No moving heartbeat of this PLC: network, power, or its program stands.",
            "收不到该 PLC 的心跳：网络、电源或程序停止。",
        ),
        Text(
            "Its machine's state is unknown. It stops, or sends everything to the exception lane, by itself.",
            "设备状态未知；设备自行停止，或把邮件全部送入异常格口。",
        ),
        Text(
            "Look whether the PLC has power and is in RUN, then its network cable and switch; call maintenance:"
            " packcenter plc doctor NAME.",
            "检查 PLC 电源和 RUN 指示，再查网线和交换机；通知维修运行 packcenter plc doctor。",
        ),
        suppresses=_OF_A_SILENT_PLC,
        delay_us=LINK_DELAY_US,
    ),
    Entry(
        "foreign_epoch",
        Subject.PLC,
        Priority.MEDIUM,
        Text("PLC works for another controller", "PLC 属于其他控制器"),
        Text(
            "The PLC holds an epoch that this controller did not grant: another controller, or a journal from elsewhere.",
            "PLC 持有的纪元不是本控制器授予的：另有控制器，或日志来自别处。",
        ),
        Text("It is not commanded; its items go to the exception lane.", "不会向其发命令；邮件进入异常格口。"),
        Text(
            "Make sure that no second controller runs. Empty the machine, then restart its PLC, so that it begins a new life.",
            "确认没有第二个控制器在运行；清空设备后重启其 PLC，使其重新开始。",
        ),
        suppresses=_OF_A_SILENT_PLC,
    ),
    Entry(
        "link_unsteady",
        Subject.PLC,
        Priority.MEDIUM,
        Text("PLC comes and goes", "PLC 时通时断"),
        Text(
            "The PLC was lost or restarted for the third time in ten minutes: a loose cable or plug, its power supply, or its"
            " program.",
            "该 PLC 十分钟内第三次失联或重启：网线或插头松动、电源不稳或程序反复重启。",
        ),
        Text(
            "Each time what its machine holds is put out or sent to the exception lane.",
            "每次失联，设备内的邮件都会被剔出或送入异常格口。",
        ),
        Text(
            "Hold the machine and let maintenance look at cable, plug and power: packcenter plc doctor NAME.",
            "暂停该设备，请维修检查网线、插头和电源：packcenter plc doctor。",
        ),
        latched=True,
    ),
    Entry(
        "machine_aborted",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Machine aborted", "设备急停中止"),
        Text("The machine aborted: a fault of its own, or its safety circuit.", "设备中止：自身故障或安全回路断开。"),
        Text("It stands until a person clears it; what is before it waits.", "设备停止，需人工清除；上游邮件等待。"),
        Text(
            "Look at the machine's panel. Remove the cause, close the guards, reset the safety circuit there, then clear and"
            " start the machine.",
            "查看设备面板；排除原因，关好护罩，在现场复位安全回路，然后清除并启动设备。",
        ),
        suppresses=("jam", "machine_held", "command_unanswered", "rack_refuses"),
    ),
    Entry(
        "jam",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Jam", "卡件"),
        Text("Something sticks in a zone, lane or position of the machine.", "设备的某段、格口或位置有邮件卡住。"),
        Text("The machine holds; documents may be damaged, pouches become suspect.", "设备暂停；证件可能受损，包封需复核。"),
        Text(
            "Stop and open the machine, take out what sticks, and lay it on the hand station. Close it and unhold.",
            "停机开盖，取出卡件送人工台；关好后恢复运行。",
        ),
        suppresses=("machine_held", "command_unanswered", "rack_refuses"),
    ),
    Entry(
        "consumable_empty",
        Subject.CONSUMABLE,
        Priority.MEDIUM,
        Text("Consumable used up", "耗材用尽"),
        Text("Film, labels or ribbon of the bagging machine are used up.", "装袋机的袋膜、标签或色带已用尽。"),
        Text("The machine holds; its lanes fill.", "设备暂停；其格口逐渐满格。"),
        Text("Put in a new roll and unhold the machine.", "更换新卷，恢复设备。"),
        suppresses=("machine_held", "command_unanswered", "consumable_low"),
    ),
    Entry(
        "machine_held",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Machine stands by its own cause", "设备因自身原因停止"),
        Text(
            "The machine holds or stopped for a cause of its own, or does not start though it was told to.",
            "设备因自身原因暂停或停止，或收到启动命令后未能启动。",
        ),
        Text("It does not work; what is before it waits, its lanes fill.", "设备不工作；上游等待，格口逐渐满格。"),
        Text(
            "Look at the machine's panel for the cause (a guard, air, the safety circuit), remove it, then unhold or start it.",
            "查看设备面板上的原因（护罩、气源、安全回路），排除后恢复或启动设备。",
        ),
        suppresses=("command_unanswered", "rack_refuses"),
        delay_us=HELD_DELAY_US,
    ),
    Entry(
        "command_unanswered",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Machine does not answer", "设备不应答"),
        Text(
            "The machine can be heard and runs, and did not answer a command in its time, or says of one thing after the other"
            " that it was told nothing.",
            "设备在线运行，但未在限时内应答命令，或连续报告邮件未收到指令。",
        ),
        Text(
            "What it was asked for may be half done: a bagger's pouch or a bag stays open; what passes a sorter or the rack goes"
            " to the hand station.",
            "所令之事可能只做了一半：包封或总包未完成；经过分拣线或封发架的邮件落入人工台。",
        ),
        Text(
            "Look at what the machine does; if it stands, stop it and start it at its panel. If that comes again,"
            " call maintenance.",
            "到现场查看设备；若停住，在面板上停止再启动；再次出现则通知维修。",
        ),
        latched=True,
    ),
    Entry(
        "rack_refuses",
        Subject.RACK,
        Priority.MEDIUM,
        Text("Rack refuses to close a bag", "封发架拒绝封袋"),
        Text(
            "The rack refused to close a bag: a hand or a parcel is in its way, or it was being emptied.",
            "封发架拒绝封袋：有手或邮件阻挡，或正在取袋。",
        ),
        Text(
            "The bag hangs open and may miss its cut-off; it is asked again every 30 seconds.",
            "总包未封，可能错过截止时间；每 30 秒重试。",
        ),
        Text(
            "Clear the bag's mouth and step back; if the rack refuses again, look at its panel.",
            "清理袋口并离开；若再次拒绝，查看封发架面板。",
        ),
        latched=True,
    ),
    Entry(
        "exception_lane_full",
        Subject.EXCEPTION_LANE,
        Priority.MEDIUM,
        Text("Exception lane full", "异常格口满格"),
        Text("The exception lane holds all that it can.", "异常格口已满。"),
        Text("The sorter stops, because it has no place for what it cannot sort.", "分拣线将停止，因为无法处置的邮件没有去处。"),
        Text("Empty the exception lane to the hand station.", "清空异常格口，送人工台。"),
    ),
    Entry(
        "scanner_unread",
        Subject.SORTER,
        Priority.MEDIUM,
        Text("Scanner reads badly", "扫描器读码率低"),
        Text(
            "Six of the sorter's last 32 items could not be read: a dirty window, a lamp, or a batch with bad codes.",
            "该分拣线最近 32 件中有 6 件未读出：镜窗脏污、光源故障或整批条码质量差。",
        ),
        Text("What is not read goes to the exception lane and is worked on by hand.", "未读邮件进入异常格口，由人工处理。"),
        Text(
            "Wipe the scanner's window and look at its lamp. If it is one agency's batch, tell the agency.",
            "擦拭扫描器镜窗并检查光源；若为某一机构整批问题，通知该机构。",
        ),
        latched=True,
    ),
    Entry(
        "many_rejects",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Machine puts out too much", "设备剔除过多"),
        Text(
            "Six of the last 32 documents of a bagging machine or case rack did not come out of it as they should: its reader,"
            " feeder, label printer, scale or handler.",
            "装袋机或合包架最近 32 件中有 6 件未正常完成：读码器、供件、面单打印、称重或机械手有问题。",
        ),
        Text(
            "Each goes to the hand station, which fills; the machine works for nothing.", "每件都转人工台，人工台积压；设备空转。"
        ),
        Text(
            "See what it puts out: unread, clean its reader; bad label, ribbon and printer; weight, its scale; two at once, its"
            " feeder. Else hold the machine and call maintenance.",
            "查看剔除件：未读码则清洁读码器；面单不良则查色带和打印头；重量不符则查秤；双张则查供件；无效则暂停设备并通知维修。",
        ),
        latched=True,
    ),
    Entry(
        "consumable_low",
        Subject.CONSUMABLE,
        Priority.LOW,
        Text("Consumable runs low", "耗材不足"),
        Text("Less than a tenth of the film, labels or ribbon is left.", "袋膜、标签或色带剩余不足十分之一。"),
        Text("The bagging machine will hold when it is used up.", "用尽后装袋机将暂停。"),
        Text("Fetch a new roll and change it at the next stop.", "备好新卷，在下次停机时更换。"),
    ),
    Entry(
        "secure_lost",
        Subject.STATION,
        Priority.HIGH,
        Text("ID document missing", "证件去向不明"),
        Text("A document of a secure class was not seen where it must have come.", "保密类证件未在应到之处出现。"),
        Text(
            "A citizen's document is without custody: an open discrepancy of the books.", "公民证件失去监管：账目存在未结差异。"
        ),
        Text(
            "Stop the machine and search it, its lanes and the floor. Put what you find on the belt or lay it on the hand"
            " station. What is missing: packcenter alarms.",
            "停机搜查设备、格口和地面；找到后放回输送线或送人工台；缺失清单见 packcenter alarms。",
        ),
    ),
    Entry(
        "bags_suspect",
        Subject.RACK,
        Priority.MEDIUM,
        Text("Mail bags in doubt", "总包存疑"),
        Text(
            "What is in a bag, or how it was sealed, is not sure: missed events, a restart, a wrong parcel or seal.",
            "总包内件或封志不确定：事件缺失、重启、错件或封志错误。",
        ),
        Text("Such a bag is not dispatched when it closes; it comes to the hand station.", "该总包封袋后不发运，转人工台。"),
        Text(
            "Close the bags in doubt, open them at the hand station, and count them against their bills.",
            "封闭存疑总包，在人工台开拆，并与路单核对。",
        ),
        suppresses=("events_missing", "bag_not_sealed"),
    ),
    Entry(
        "bag_not_sealed",
        Subject.RACK,
        Priority.MEDIUM,
        Text("Mail bag not sealed as it should be", "总包封志异常"),
        Text(
            "A bag was closed without a seal, with one that nobody could read, or with a number that another bag bears.",
            "总包封袋后无封志、封志无法识读，或封志号与其他总包重复。",
        ),
        Text(
            "It is not dispatched but comes to the hand station with all that is in it; the next ones may, too.",
            "该总包不发运，连同全部内件转人工台；后续总包也可能如此。",
        ),
        Text(
            "See the sealer and its reel of seals, close one bag by hand and look at its seal; open the bag at the hand station.",
            "检查封志机和封志卷，人工封一袋并查看封志；在人工台开拆该总包。",
        ),
        latched=True,
    ),
    Entry(
        "events_missing",
        Subject.PLC,
        Priority.MEDIUM,
        Text("Events of a PLC are missing", "PLC 事件缺失"),
        Text(
            "Numbers are missing among the PLC's events: it overwrote some, or lost its memory without saying so.",
            "PLC 事件编号不连续：被覆盖，或内存丢失未告知。",
        ),
        Text("What its machine did then is not in the books.", "其间设备的动作未入账。"),
        Text(
            "Compare what lies in the machine with the books; have the PLC's program looked at.",
            "将设备内的实物与账目核对；请工程师检查 PLC 程序。",
        ),
        latched=True,
    ),
    Entry(
        "event_quarantined",
        Subject.PLC,
        Priority.HIGH,
        Text("Controller failed on an event", "控制器处理事件失败"),
        Text(
            "An event of this PLC made the controller fail; it restarted and keeps the event out.",
            "该 PLC 的一个事件使控制器失败；已重启并隔离该事件。",
        ),
        Text(
            "The item of the event goes to the hand station or is missing; bags at the rack are in doubt.",
            "相关邮件转人工台或去向不明；封发架上的总包存疑。",
        ),
        Text(
            "Lay the item on the hand station. Send the journal to the engineers: packcenter replay.",
            "将该邮件送人工台；把日志交工程师用 packcenter replay 分析。",
        ),
        latched=True,
    ),
    Entry(
        "wrong_lane",
        Subject.SORTER,
        Priority.MEDIUM,
        Text("Item in the wrong lane", "进错格口"),
        Text(
            "A lane's eye saw an item that was meant for another lane: its diverter, its eye, or a hand.",
            "格口光电看到了应去别处的邮件：分拣器、光电或人手所致。",
        ),
        Text(
            "The item is put out at the bagging machine and comes to the hand station; more may follow.",
            "该件在装袋机剔出并转人工台；可能继续发生。",
        ),
        Text(
            "Watch the lane's diverter for a few items; if it sticks, close the lane and call maintenance.",
            "观察该格口分拣器；若卡滞，关闭格口并通知维修。",
        ),
        latched=True,
    ),
    Entry(
        "wrong_label",
        Subject.BAGGER,
        Priority.MEDIUM,
        Text("Wrong label on a parcel", "面单不符"),
        Text(
            "The label that was read back from a parcel is not the one that was ordered for it.", "回读的面单与指定面单不一致。"
        ),
        Text(
            "The parcel is turned out at the rack; the next ones may bear wrong labels, too.",
            "该邮件在封发架剔出；后续面单也可能错误。",
        ),
        Text(
            "Hold the machine, take out labels that were printed ahead, and look at the next parcel's label.",
            "暂停设备，取下预打面单，核对下一件的面单。",
        ),
        latched=True,
    ),
    Entry(
        "waybills_used_up",
        Subject.HALL,
        Priority.MEDIUM,
        Text("Waybill numbers used up", "邮件号码用尽"),
        Text("No number of the configured range is left for a parcel that came without one.", "配置的号段已无可用号码。"),
        Text("Documents without a waybill are put out at the bagging machines.", "无号证件将在装袋机剔出。"),
        Text(
            "Ask for a new range, put it into the site's configuration, and restart the service.",
            "申请新号段，写入站点配置并重启服务。",
        ),
    ),
    Entry(
        "plc_disagrees",
        Subject.PLC,
        Priority.LOW,
        Text("PLC and line interface disagree", "PLC 与接口约定不符"),
        Text(
            "The PLC told of something that the line interface, or its place in this hall, does not allow.",
            "PLC 上报了接口约定或本厅配置中没有的内容。",
        ),
        Text(
            "What it told is set aside; the machine's true state may differ from what is shown.",
            "该上报被搁置；设备实际状态可能与显示不同。",
        ),
        Text(
            "Have the engineers compare the PLC's program with LINE-INTERFACE.md and the site's configuration.",
            "请工程师将 PLC 程序与 LINE-INTERFACE.md 及站点配置核对。",
        ),
        latched=True,
    ),
    Entry(
        "discrepancies_overdue",
        Subject.HALL,
        Priority.MEDIUM,
        Text("Discrepancies not closed in time", "差异逾期未结"),
        Text(
            "Something that the books cannot explain was not closed by the time it had to be.",
            "账目无法解释的差异未在规定时限内结案。",
        ),
        Text(
            "The longer a document is missing, the less likely it is found; it may be an ID document.",
            "证件缺失越久越难找回；其中可能有证件类邮件。",
        ),
        Text(
            "Look into the oldest ones first: packcenter discrepancies. On ID documents two people close them.",
            "先查最早的差异：packcenter discrepancies；证件类须两人结案。",
        ),
    ),
    Entry(
        "plan_not_valid",
        Subject.HALL,
        Priority.LOW,
        Text("Sort plan not valid now", "分拣方案不在有效期"),
        Text(
            "The time for which the sort plan in force is meant is over, or has not come yet.",
            "现行分拣方案的有效期已过或尚未开始。",
        ),
        Text("Mail is sorted by it all the same, perhaps not as it should be today.", "仍按该方案分拣，可能不符合当日要求。"),
        Text(
            "Ask which plan holds today, then switch to it: packcenter plan list, packcenter act plan switch FILE.",
            "确认当日方案并切换：packcenter plan list，packcenter act plan switch。",
        ),
    ),
    Entry(
        "receipts_overdue",
        Subject.HALL,
        Priority.LOW,
        Text("Receipts overdue", "回执逾期"),
        Text("The receipt of a document that asked for one has not come back in its time.", "要求回执的文书，其回执未按时返回。"),
        Text("Its agency cannot prove the delivery; a court's term may run out.", "寄件单位无法证明送达，可能延误诉讼期限。"),
        Text(
            "List them with packcenter receipts --overdue, ask the delivery office, and record or give up each one.",
            "用 packcenter receipts --overdue 列出，向投递局查询，逐件登记或由主管销号。",
        ),
    ),
    Entry(
        "case_overdue",
        Subject.HALL,
        Priority.LOW,
        Text("A case waits for a missing document", "一件事缺件到期"),
        Text(
            "The time of a case is over, a document of it has not come, and its type says that it waits.",
            "某一件事已到期仍缺件，按其类型继续等待。",
        ),
        Text(
            "What is there stays in its cell until the case is whole; nothing of it leaves.", "已到件留在合包格，齐套前不发出。"
        ),
        Text(
            "Ask the agency that is late, or have it announce another document; packcenter item shows the case.",
            "催促缺件部门，或由其另行预告；用 packcenter item 查看该件。",
        ),
        latched=True,
    ),
    Entry(
        "cells_full",
        Subject.HALL,
        Priority.MEDIUM,
        Text("No cell free for a case", "合包格已满"),
        Text("Every cell of the case racks belongs to a case that is not whole yet.", "合包架各格均被未齐套的一件事占用。"),
        Text("Further cases go to the exception lane until a cell is free.", "后续一件事证件将走异常格口，直至有空格。"),
        Text(
            "See which cases wait longest and ask their agencies; put waiting documents on the belt again when cells are free.",
            "查看等待最久的一件事并催件；有空格后将积压证件重新上线。",
        ),
        latched=True,
    ),
    Entry(
        "cells_miscount",
        Subject.CASE_RACK,
        Priority.MEDIUM,
        Text("A case rack does not count right", "合包架计数异常"),
        Text(
            "Several cells of a case rack count what cannot be, though they were emptied again: the eye or the card they have"
            " in common is broken or dirty.",
            "同一合包架多个格口反复清空后计数仍不符：公用光电或计数卡故障，或被污染。",
        ),
        Text(
            "Cell after cell takes no case any more, and the documents of each such case go to the hand station.",
            "格口将逐一停用，其中一件事的证件转人工台。",
        ),
        Text(
            "Stop the rack. Clean its eyes, see their card and cable; lay what is in the cells in doubt on the hand station; then"
            " start it. Those cells are tried once more.",
            "停止合包架。清洁光电，检查计数卡及线缆；存疑格内件送人工台；再启动。系统将再试这些格口。",
        ),
        suppresses=("cell_counter",),
    ),
    Entry(
        "cell_counter",
        Subject.CELL,
        Priority.LOW,
        Text("A cell does not count right", "合包格计数异常"),
        Text(
            "A cell of a case rack counts what cannot be, though it was emptied again: its counter or eye is broken, or something"
            " sticks in it.",
            "合包格反复清空后计数仍不符：计数器或光电故障，或格内有件卡住。",
        ),
        Text(
            "The cell is emptied no more by itself and takes no case; the rack has one cell less.",
            "该格不再自动清空，也不再分配一件事；合包架少一格可用。",
        ),
        Text(
            "Look into the cell, lay what is in it on the hand station, clean or mend its counter; then stop the rack and start"
            " it. The cell is tried once more.",
            "查看该格，将格内件送人工台；清洁或修复计数器；然后停止并重新启动合包架，系统将再试一次。",
        ),
    ),
)

ALARMS: Final[dict[str, Entry]] = {entry.name: entry for entry in _ENTRIES}
"""The catalogue by name, causes first."""

RANKS: Final[dict[str, int]] = {name: rank for rank, name in enumerate(ALARMS)}
"""The order in which alarms are decided on: causes first."""

EXPLAINED_BY: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(entry.name for entry in _ENTRIES if name in entry.suppresses) for name in ALARMS
}
"""Of each alarm the ones that suppress it, causes first."""
