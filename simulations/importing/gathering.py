"""Gather the staged tables of a release into events and cases, a batch of cases at a time.

The proceedings of a case are put in order. A new one begins after a change of venue or a transfer, which is a move and no
completion; after an administrative closure, as the recalendaring of the case; or after a decision, as its reopening.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulations.importing import codes
from simulations.importing.layout import (
    APPLICATIONS,
    CASES,
    CHARGES,
    COURTS,
    CUSTODY,
    DECISIONS,
    PROCEEDINGS,
    REASONS,
    SCHEDULE,
    TABLES,
)
from simulations.importing.release import Release
from simulations.importing.staging import staged
from simulations.run_folder.whole_files import whole_file
from workflow.model.definition import COMPLETE
from workflow.sql.quoting import identifier, literal_path, text

FACTS: Mapping[str, str] = {
    "custody": "VARCHAR",
    "case_type": "VARCHAR",
    "nationality": "VARCHAR",
    "language": "VARCHAR",
    "represented": "BOOLEAN",
    "asylum_type": "VARCHAR",
    "criminal_charge": "BOOLEAN",
    "security_charge": "BOOLEAN",
    "permanent_resident": "BOOLEAN",
    "entered": "DATE",
    "born_year": "BIGINT",
    "application": "VARCHAR",
}
"""The facts of a case, with their types."""

NOT_IN = f"is of a case that is not in {CASES.name}"
_ASIDE = "outcome varchar, tab varchar, line bigint, reason varchar, said varchar"


def load_codes(connection: Any, release: Release) -> None:
    """Make the tables that decode: of decisions (by kind, type of case and code), reasons, kinds of hearings, and values of facts."""
    decisions = [
        (kind, case_type, code, (codes.COMPLETIONS.get(code) if kind == "O" else None) or codes.name_of(description), description)
        for case_type, code, description, kind in release.lookup(DECISIONS)
        if case_type and code
    ]
    _table(connection, "decisions", ("kind", "case_type", "code", "transition", "meaning"), decisions)
    _table(connection, "completions", ("code", "transition"), codes.COMPLETIONS.items())
    meanings = {row[0]: row[1] for row in release.lookup(REASONS)}
    special = {**dict.fromkeys(codes.NOT_HELD, codes.VACATED), **codes.REASONED}
    reasons = [(code, special.get(code), meanings.get(code) or code) for code in {*meanings, *special} if code]
    _table(connection, "reasons", ("code", "transition", "meaning"), reasons)
    _table(connection, "kinds", ("code", "transition"), codes.KINDS.items())
    _table(connection, "court_names", ("code", "name"), release.lookup(COURTS))
    for name, values in (
        ("case_types", codes.CASE_TYPES),
        ("custodies", codes.CUSTODY),
        ("asylum_types", codes.ASYLUM_TYPES),
        ("applications", codes.APPLICATIONS),
        ("application_outcomes", codes.APPLICATION_OUTCOMES),
    ):
        _table(connection, name, ("code", "name"), values.items())
    connection.execute(f"create or replace table aside ({_ASIDE})")


def _table(connection: Any, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Make a small table of texts. Of two rows with one key the first counts."""
    connection.execute(f"create or replace table {name} ({', '.join(f'{column} varchar' for column in columns)})")
    for row in {tuple(row[: len(columns) - 1 or 1]): row for row in reversed(list(rows))}.values():
        connection.execute(f"insert into {name} values ({', '.join('?' * len(columns))})", list(row))


def load_tables(connection: Any, folder: Path) -> None:
    """Make a view of each staged table; a table that the release lacks, or that has no rows, is empty."""
    for table in TABLES:
        if any((folder / table.name).glob("*.parquet")):
            source = f"select * from {staged(folder / table.name)}"
        else:
            kinds = {"key": "bigint", "date": "timestamp"}
            columns = ", ".join(f"null::{kinds.get(table.kind(c), 'varchar')} as {c.lower()}" for c in table.read)
            source = f"select null::bigint as line, {columns} where false"
        connection.execute(f"create or replace view {identifier(table.name)} as {source}")


def bounds(connection: Any, most: int) -> list[tuple[int, int]]:
    """Return ranges of case ids that have at most some `most` cases each, and cover all ids."""
    (n,) = connection.execute(f"select count(*) from {identifier(CASES.name)}").fetchone()
    n_batches = max(1, -(-n // most))
    shares = [i / n_batches for i in range(1, n_batches)]
    inner: list[int] = []
    if shares:
        query = f"select quantile_disc(idncase, {shares}) from {identifier(CASES.name)}"
        inner = sorted(set(connection.execute(query).fetchone()[0]))
    edges = [0, *inner, 10**18]
    return list(itertools.pairwise(edges))


def observed_until(connection: Any) -> Any:
    """Return the last day on which a proceeding was recorded or, at most a month later, completed: a year may be mistyped."""
    query = f"""with recorded as (select max(input_date) as last from {_B})
        select greatest(last, max(comp_date) filter (comp_date <= coalesce(last, comp_date) + interval 31 days))::date
        from {_B}, recorded group by last"""
    return connection.execute(query).fetchone()[0]


def gather(connection: Any, release: Release, low: int, high: int, end: str, files: Mapping[str, Path]) -> dict[str, int]:
    """Write the events and the cases of a batch, and what is rejected and flagged on the way.

    Parameters
    ----------
    low, high : int
        The case ids from `low` up to, without it, `high`.
    end : str
        The end of the observation, as an ISO time.
    files : mapping of str to Path
        The files to write: ``events``, ``cases`` and ``aside``.

    Returns
    -------
    dict
        The number of rows of the schedule by what became of them.
    """
    blanks = {
        "within": f"where idncase >= {low} and idncase < {high}",
        "end": f"timestamp {text(end)}",
        "criminal": "coalesce(g.criminal, false)" if release.has(CHARGES) else "null::boolean",
        "security": "coalesce(g.security, false)" if release.has(CHARGES) else "null::boolean",
        "application": "coalesce(a.first, 'none')" if release.has(APPLICATIONS) else "null::varchar",
    }
    connection.execute("delete from aside")
    for statement in _STATEMENTS:
        for name, sql in blanks.items():
            statement = statement.replace(f"{{{name}}}", sql)
        connection.execute(statement)
    for name, query in (("cases", _CASES_OUT), ("events", _EVENTS_OUT), ("aside", "select * from aside order by all")):
        with whole_file(files[name], folders=False) as unfinished:
            connection.execute(f"copy ({query}) to {text(literal_path(unfinished))} (format parquet)")
    counted = connection.execute("select became, count(*) from scheduled group by all").fetchall()
    return dict(counted)


def _list(values: Iterable[str]) -> str:
    return f"({', '.join(map(text, values))})"


def _starting(column: str, beginnings: Iterable[str]) -> str:
    return " or ".join(f"lower({column}) like {text(beginning + '%')}" for beginning in beginnings)


_A, _B, _S, _C, _P, _H = (identifier(table.name) for table in (CASES, PROCEEDINGS, SCHEDULE, CHARGES, APPLICATIONS, CUSTODY))

_STATEMENTS = (
    # cases and proceedings, each key once
    f"""create or replace temp table case_twice as
        select idncase, min(line) as first_line from {_A} {{within}} group by idncase having count(*) > 1""",
    f"""create or replace temp table cases_read as
        select c.*, coalesce(t.first_line, line) as first_line from {_A} c left join case_twice t using (idncase) {{within}}""",
    f"""insert into aside select 'rejected', '{CASES.name}', line, 'IDNCASE ' || idncase || ' is in line ' || first_line || ' already', c::varchar
        from cases_read c where line > first_line""",
    "create or replace temp table known as select idncase, case_type from cases_read where line = first_line",
    f"""create or replace temp table proceeding_twice as
        select idnproceeding, min(line) as first_line from {_B} {{within}} group by idnproceeding having count(*) > 1""",
    f"""create or replace temp table proceedings_read as
        select p.*, coalesce(t.first_line, p.line) as first_line, k.idncase is not null as has_case,
            coalesce(p.case_type, k.case_type) as decoded_by, k.case_type as type_of_case,
            coalesce(p.input_date, p.osc_date, p.comp_date) as begun
        from {_B} p left join known k using (idncase) left join proceeding_twice t using (idnproceeding) {{within}}""",
    f"""insert into aside select 'rejected', '{PROCEEDINGS.name}', line, case when not has_case then 'IDNCASE ' || idncase || ' {NOT_IN}'
            when line > first_line then 'IDNPROCEEDING ' || idnproceeding || ' is in line ' || first_line || ' already'
            else 'has none of INPUT_DATE, OSC_DATE, COMP_DATE' end, p::varchar
        from proceedings_read p where not has_case or line > first_line or begun is null""",
    f"""insert into aside select 'flagged', '{PROCEEDINGS.name}', line,
            'CASE_TYPE is ' || case_type || ', but ' || type_of_case || ' in {CASES.name}', p::varchar
        from proceedings_read p where case_type <> type_of_case and has_case and line = first_line and begun is not null""",
    f"""insert into aside select 'flagged', '{PROCEEDINGS.name}', line, 'COMP_DATE is after the end of the release: taken as pending', p::varchar
        from proceedings_read p where comp_date >= {{end}} and has_case and line = first_line""",
    # hearings
    f"""create or replace temp table scheduled as
        select s.* exclude (adj_date), k.idncase is not null as has_case,
            case when adj_date::time = '00:00:00' then adj_date + coalesce(to_minutes(
                case when regexp_full_match(adj_time_start, '[0-9]{{1,2}}:?[0-5][0-9]')
                    then (60 * left(replace(adj_time_start, ':', ''), -2)::integer + right(adj_time_start, 2)::integer) % 1440 end),
                interval 0 minutes) else adj_date end as happened,
            case when k.idncase is null then 'rejected' when cal_type = '{codes.NOT_WORK}' then 'not a hearing' when adj_date is null then 'no date'
                when adj_date >= {{end}} then case when adj_rsn is null then 'future' else 'cancelled' end else 'event' end as became
        from {_S} s left join known k using (idncase) {{within}}""",
    f"""insert into aside select 'rejected', '{SCHEDULE.name}', line, 'IDNCASE ' || idncase || ' {NOT_IN}', s::varchar
        from scheduled s where became = 'rejected'""",
    """create or replace temp table hearings as
        select s.idncase, s.idnproceeding, s.idnschedule, s.happened, s.base_city_code, s.ij_code,
            coalesce(r.transition, k.transition, '""" + codes.OTHER_HEARING + """') as transition, coalesce(r.meaning, s.adj_rsn) as reason
        from scheduled s left join reasons r on r.code = s.adj_rsn left join kinds k on k.code = s.cal_type where became = 'event'""",
    # proceedings in order, with what completed each
    f"""create or replace temp table completed as
        select p.idnproceeding, case when comp_date::time = '00:00:00' then greatest(comp_date, h.last) else comp_date end as happened,
            coalesce(d.transition, case when p.dec_code is null then coalesce(o.transition, c.transition) end, '{codes.UNDECODED}') as transition,
            case when d.transition is not null then case when p.absentia = 'Y' then 'in absentia' end
                when p.dec_code is not null then 'DEC_CODE ' || p.dec_code || ' of ' || coalesce(p.decoded_by, 'no case type')
                when p.other_comp is null then 'neither DEC_CODE nor OTHER_COMP'
                when o.transition is null and c.transition is null then 'OTHER_COMP ' || p.other_comp else coalesce(o.meaning, p.other_comp) end as reason
        from proceedings_read p
        left join decisions d on d.kind = 'C' and d.case_type = p.decoded_by and d.code = p.dec_code
        left join decisions o on o.kind = 'O' and o.case_type = p.decoded_by and o.code = p.other_comp
        left join completions c on c.code = p.other_comp
        left join (select idnproceeding, happened::date as day, max(happened) as last from hearings group by all) h
            on h.idnproceeding = p.idnproceeding and h.day = p.comp_date::date
        where comp_date < {{end}} and has_case and line = first_line""",
    """create or replace temp table proceedings as
        select p.idncase, p.idnproceeding, p.begun, p.base_city_code, p.ij_code, p.other_comp, p.transfer_to, p.custody, p.case_type, p.nat, p.lang,
            c.happened as completed_at, c.transition, c.reason, row_number() over w as n, lag(c.happened) over w as earlier_at,
            lag(c.transition) over w as earlier, lag(p.other_comp) over w as earlier_code, lag(p.base_city_code) over w as earlier_court,
            lead(p.base_city_code) over w as later_court, lead(p.idnproceeding) over w is null as latest
        from proceedings_read p left join completed c using (idnproceeding)
        where has_case and line = first_line and begun is not null
        window w as (partition by idncase order by begun, p.idnproceeding)""",
    f"""insert into aside select 'rejected', '{CASES.name}', c.line, 'IDNCASE ' || c.idncase || ' has no proceeding', c::varchar
        from cases_read c anti join (select idncase from proceedings where n = 1) p using (idncase) where line = first_line""",
    # events: the begin of later proceedings, hearings, completions
    f"""create or replace temp table steps as
        select idncase, n, 0 as rank, 0 as number, greatest(begun, earlier_at) as happened,
            case when earlier is null then 'transfer' when earlier_code in {_list(codes.CLOSED)} then 'recalendar' else 'reopen' end as transition,
            earlier_court as current_court, case when earlier_court <> base_city_code then base_city_code end as to_court, ij_code,
            case when earlier is null then 'the earlier proceeding has no completion' end as reason
        from proceedings where n > 1 and begun < {{end}}
            and (case when earlier is null then earlier_court <> base_city_code else earlier not in {_list(codes.MOVED.values())} end)
        union all
        select h.idncase, coalesce(p.n, 0), 1, h.idnschedule, h.happened, h.transition, coalesce(p.base_city_code, h.base_city_code), null, h.ij_code, h.reason
        from hearings h left join proceedings p using (idnproceeding)
        union all
        select idncase, n, 2, 0, completed_at, transition, base_city_code,
            case when transition in {_list(codes.MOVED.values())} then coalesce(later_court, transfer_to) end, ij_code, reason
        from proceedings where completed_at is not null""",
    f"""create or replace temp table cases as
        select c.idncase, p.base_city_code as court, least(p.begun, s.first) as arrived, {{end}} as observed_until,
            case when l.completed_at is null or l.transition in {_list(codes.MOVED.values())} then 'pending'
                when l.other_comp in {_list(codes.CLOSED)} then 'administratively_closed' else 'completed' end as status,
            case when l.transition in {_list(codes.MOVED.values())} then coalesce(l.transfer_to, l.base_city_code) else l.base_city_code end as current_court,
            f.next_hearing, a.outcome as application_outcome,
            coalesce(u1.name, u2.name, u3.name) as custody, coalesce(t.name, lower(c.case_type), lower(p.case_type)) as case_type,
            coalesce(c.nat, l.nat) as nationality, coalesce(c.lang, l.lang) as language, c.e_28_date is not null as represented,
            coalesce(y.name, 'none') as asylum_type, {{criminal}} as criminal_charge, {{security}} as security_charge,
            coalesce(upper(c.lpr) in ('Y', '1', 'T'), false) as permanent_resident, c.date_of_entry::date as entered,
            try_cast(regexp_extract(c.c_birthdate, '^[0-9]{{1,2}}/([0-9]{{4}})$', 1) as bigint) as born_year,
            {{application}} as application
        from cases_read c
        join (select * from proceedings where n = 1) p using (idncase)
        join (select * from proceedings where latest) l using (idncase)
        left join (select idncase, min(happened) as first from steps group by idncase) s using (idncase)
        left join (select idncase, min(happened)::date as next_hearing from scheduled where became = 'future' group by idncase) f using (idncase)
        left join (select idncase, bool_or({_starting("charge", codes.CRIMINAL_CHARGES)}) as criminal,
                bool_or({_starting("charge", codes.SECURITY_CHARGES)}) as security from {_C} {{within}} group by idncase) g using (idncase)
        left join (select idncase, first(coalesce(n.name, 'other') order by appl_recd_date, idnproceedingappln) as first,
                first(o.name order by appl_recd_date, idnproceedingappln) as outcome
            from {_P} left join applications n on n.code = upper(appl_code) left join application_outcomes o on o.code = appl_dec
            {{within}} group by idncase) a using (idncase)
        left join (select idncase, arg_max(custody, idncustody) as custody from {_H} {{within}} group by idncase) h using (idncase)
        left join custodies u1 on u1.code = c.custody left join custodies u2 on u2.code = h.custody
        left join custodies u3 on u3.code = l.custody
        left join case_types t on t.code = coalesce(c.case_type, p.case_type) left join asylum_types y on y.code = c.c_asy_type
        where c.line = c.first_line""",
)  # fmt: skip

_CASES_OUT = f"""select idncase::varchar as case_id, court, arrived, observed_until, status, current_court, next_hearing, application_outcome,
    {", ".join(FACTS)} from cases order by idncase"""

_CASE_FACTS = ", ".join(f"c.{name} as " + identifier(f"case:{name}") for name in FACTS)

_CAUSE = f"case s.transition {' '.join(f'when {text(name)} then {text(event)}' for name, event in codes.EVENTS.items())} else {text(COMPLETE)} end"

_EVENTS_OUT = f"""select c.idncase::varchar as case_id, s.transition, case when s.transition is not null then {_CAUSE} end as cause, s.happened as happened_at, null::timestamp as started_at, s.current_court, s.to_court,
    s.ij_code as server, s.reason, c.arrived as "case:arrived", c.observed_until as "case:observed_until", c.court as "case:court",
    {_CASE_FACTS}
    from cases c left join steps s using (idncase) order by c.idncase, s.happened, s.n, s.rank, s.number"""
