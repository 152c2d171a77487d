"""Small logs in the shapes in which traffic fines, building permits and hospital visits are published, made with numpy."""

import csv
import datetime as dt
import heapq
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

START = dt.datetime(2021, 1, 4)


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def fines(path: Path, n: int = 1500, seed: int = 1) -> Path:
    """Write a log of fines: dates only, attributes on the first row, many that are never paid. Half of the appeals are one case."""
    rng = np.random.default_rng(seed)
    rows = []
    for case in range(n):
        day = float(rng.uniform(0, 1500))
        first = (
            float(rng.choice([36.0, 71.5, 143.0])),
            str(rng.choice(["A", "C", "M"], p=[0.9, 0.07, 0.03])),
            int(rng.choice([7, 157])),
        )
        steps = [("Create Fine", day)]
        if rng.random() < 0.35:
            steps.append(("Payment", day + float(rng.gamma(2, 8))))
        else:
            day += float(rng.gamma(6, 10))
            steps.append(("Send Fine", day))
            day += float(rng.gamma(4, 4))
            steps.append(("Insert Fine Notification", day))
            if rng.random() < 0.3:
                steps.append(("Payment", day + float(rng.gamma(2, 15))))
            else:
                day += 60
                steps.append(("Add penalty", day))
                u = rng.random()
                if u < 0.25:
                    steps.append(("Payment", day + float(rng.exponential(60))))
                elif u < 0.8:
                    steps.append(("Send for Credit Collection", day + float(rng.normal(300, 30))))
                elif u < 0.81:
                    steps.append(("Appeal to Judge", day + 30))
        for name, at in steps:
            if at < 1600:
                date = (START + dt.timedelta(days=at)).date()
                rows.append((f"A{case}", name, f"{date}T00:00:00+00:00", *(first if name == "Create Fine" else ("", "", ""))))
    return _write(path, ["case:concept:name", "concept:name", "time:timestamp", "amount", "vehicleClass", "article"], rows)


def permits(path: Path, n: int = 1200, seed: int = 2) -> Path:
    """Write a log of building permits: codes as names, attributes of the case on every row; an extended procedure is sent to the board."""
    rng = np.random.default_rng(seed)
    rows = []
    for case in range(n):
        at = START + dt.timedelta(days=float(rng.uniform(0, 1000)))
        complete, extended, fee = rng.random() < 0.8, rng.random() < 0.25, float(rng.lognormal(6, 1))
        facts = ("TRUE" if complete else "FALSE", "Extended" if extended else "Regular", f"{fee:.2f}")
        steps = [("01_HOOFD_010", 0.0), ("01_HOOFD_020", float(rng.gamma(2, 2)))]
        while rng.random() < 0.2:
            steps.append(("01_HOOFD_100", float(rng.gamma(2, 10))))
        steps.append(("01_HOOFD_375" if extended else "01_HOOFD_380", float(rng.gamma(4, 10))))
        steps += [("01_HOOFD_480", float(rng.gamma(3, 8))), ("01_HOOFD_510", float(rng.exponential(4)))]
        for name, days in steps:
            at += dt.timedelta(days=days)
            if at < START + dt.timedelta(days=1050):
                rows.append((f"24{case:05}", name, at.strftime("%Y/%m/%d %H:%M:%S.000"), f"{560000 + case % 3}", *facts))
    head = [
        "Case ID",
        "Activity",
        "Complete Timestamp",
        "Resource",
        "(case) requestComplete",
        "(case) caseProcedure",
        "(case) SUMleges",
    ]
    return _write(path, head, rows)


def hospital(path: Path, days: int = 240, seed: int = 3, per_day: float = 12.0) -> Path:
    """Write a log of a clinic with starts and completions: two nurses and one doctor, on weekdays from 8 to 16."""
    rng = np.random.default_rng(seed)
    arrivals, rows = [], []
    for day in range(days):
        if (START + dt.timedelta(days=day)).weekday() < 5:
            arrivals += sorted(24 * 60 * day + 480 + 480 * rng.random(int(rng.poisson(per_day))))
    free = {"triage": [0.0, 0.0], "treat": [0.0]}
    minutes = {"triage": (2.0, 12.0), "treat": (3.0, 9.0)}
    waiting = [(at, case, "triage") for case, at in enumerate(arrivals)]
    heapq.heapify(waiting)
    while waiting:
        at, case, work = heapq.heappop(waiting)
        facts = (20 + case % 60, "Y" if case % 5 == 0 else "N")
        server = min(range(len(free[work])), key=free[work].__getitem__)
        start = _opens(max(at, free[work][server]))
        end = _after(start, float(rng.gamma(*minutes[work])))
        free[work][server] = end
        if end >= 24 * 60 * days:
            continue
        name = work
        if work == "treat":
            name = "admit" if rng.random() < 0.3 else "discharge"
        for phase, when in (("start", start), ("complete", end)):
            rows.append((f"p{case}", name, phase, _stamp(when), f"{work}-{server}", *facts))
        if work == "triage":
            heapq.heappush(waiting, (end, case, "treat"))
    head = ["Case ID", "Activity", "lifecycle:transition", "Complete Timestamp", "Resource", "Age", "urgent"]
    return _write(path, head, rows)


def _opens(at: float) -> float:
    """Return the first minute at or after a time at which the clinic is open."""
    while True:
        day, minute = divmod(at, 24 * 60)
        if (START + dt.timedelta(days=day)).weekday() < 5 and minute < 960:
            return max(at, day * 24 * 60 + 480)
        at = (day + 1) * 24 * 60


def _after(start: float, minutes: float) -> float:
    """Return the end of work that stops when the clinic closes."""
    while True:
        close = start // (24 * 60) * 24 * 60 + 960
        if start + minutes <= close:
            return start + minutes
        minutes -= close - start
        start = _opens(close)


def _stamp(minute: float) -> str:
    return (START + dt.timedelta(minutes=minute)).isoformat(sep=" ", timespec="milliseconds")
