-- The report store (报告库): one row a report, the newest version only.
create table if not exists reports (
    campus       varchar(32)  not null,
    report_id    varchar(64)  not null,
    kind         varchar(8)   not null,   -- LAB, EXAM
    patient_id   varchar(64)  not null,
    order_no     varchar(64),
    visit_no     varchar(64),
    title        varchar(200),
    dept         varchar(100),
    doctor       varchar(100),
    state        varchar(16)  not null,   -- preliminary, final, corrected, withdrawn
    version      varchar(32)  not null,   -- time of the result's last change, as the sender says it
    state_rank   integer      not null,   -- orders states of one and the same version
    reported_at  varchar(32),
    collected_at varchar(32),
    specimen     varchar(100),
    critical     integer      not null,
    items        text,                    -- JSON
    findings     text,
    impression   text,
    images       text,                    -- JSON
    pdf_url      varchar(500),
    primary key (campus, report_id)
);
create index if not exists reports_of_patient on reports (patient_id, reported_at);
