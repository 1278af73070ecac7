-- The database of the internet hospital (互联网医院), as its vendor gives others to read it: one subject a table.
-- Runs as it is on SQLite, PostgreSQL and MariaDB (10.10 or newer).
--
-- In every table:
--   the first column   a number that never changes and is never used again
--   version            1, and one more with every correction of the row
--   changed_at         when the row was last written, in the hospital's local time; SQLite keeps it as
--                      text, 2026-01-05T21:30:00
--   is_test            1: a test patient or a test doctor; nobody outside may see the row
--   state              OPEN while the business is under way. Final: DONE, REFUSED (by the doctor or by time),
--                      CANCELLED (by the patient). A table without a state has final rows only.
--
-- Codes of the hospital:
--   channel            TEXT, PHONE, VIDEO, OTHER
--   *_sex              M, F, U
--   *_id_type          01 identity card, 03 passport, 04 officer's card, 06 residence permit, 99 other
--   card_type          VISIT, INSURANCE, RECORD, HEALTH
--   pay_channel        ALIPAY, WECHAT, UNIONPAY, OTHER
--   refused_by         DOCTOR, TIMEOUT
--   *_code of diagnoses, several parted by |: clinical (ICD-10 国家临床版 2.0) and insurance (医保版) side by side

create table if not exists consultation (          -- 在线咨询
    consultation_id  varchar(50)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    state            varchar(10)   not null,
    channel          varchar(10)   not null,
    purpose          varchar(10)   not null,       -- CARE, REPORT, DRUG, NURSING, OTHER
    nursing_kind     varchar(6),                   -- with purpose NURSING
    subject_code     varchar(10)   not null,       -- 诊疗科目, 03.04
    subject_name     varchar(30)   not null,
    dept_name        varchar(30)   not null,
    doctor_id        varchar(50)   not null,
    doctor_id_no     varchar(18)   not null,
    doctor_name      varchar(50)   not null,
    patient_id_type  varchar(2)    not null,
    patient_id_no    varchar(18)   not null,
    patient_name     varchar(50)   not null,
    patient_age      integer       not null,       -- in years, on the day of the business
    patient_sex      varchar(1)    not null,
    patient_mobile   varchar(15)   not null,
    applied_at       timestamp     not null,
    started_at       timestamp     null,
    finished_at      timestamp     null,
    pay_channel      varchar(10),
    price            decimal(10,2) not null,
    content          varchar(2000) not null,
    answered         smallint      not null,
    refused_at       timestamp     null,
    refuse_reason    varchar(200),
    refused_by       varchar(10),
    playback_url     varchar(500)
);
create index if not exists consultation_changed on consultation (changed_at, consultation_id);

create table if not exists revisit (               -- 在线复诊
    revisit_id       varchar(50)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    state            varchar(10)   not null,
    channel          varchar(10)   not null,
    subject_code     varchar(10)   not null,
    subject_name     varchar(30)   not null,
    dept_name        varchar(30)   not null,
    doctor_id        varchar(50)   not null,
    doctor_id_no     varchar(18)   not null,
    doctor_name      varchar(50)   not null,
    patient_id_type  varchar(2)    not null,
    patient_id_no    varchar(18)   not null,
    patient_name     varchar(50)   not null,
    patient_age      integer       not null,
    patient_sex      varchar(1)    not null,
    patient_mobile   varchar(15)   not null,
    guardian_id_no   varchar(18),                  -- of a child under 6
    guardian_name    varchar(50),
    guardian_mobile  varchar(20),
    card_type        varchar(10),
    card_no          varchar(30),
    first_visit_files varchar(300),
    history          varchar(2000) not null,       -- 简要病史
    diagnosis_code   varchar(30)   not null,       -- the main one, clinical
    insurance_diagnosis_code varchar(30),
    diagnosis        varchar(100)  not null,       -- several parted by |
    earlier_diagnosis varchar(100),
    is_revisit       smallint      not null,       -- 0: turned out to be a first visit
    no_diagnosis_reason varchar(100),
    applied_at       timestamp     not null,
    started_at       timestamp     null,
    finished_at      timestamp     null,
    pay_channel      varchar(10),
    price            decimal(10,2) not null,
    answered         smallint      not null,
    refused_at       timestamp     null,
    refuse_reason    varchar(200),
    refused_by       varchar(10),
    playback_url     varchar(500)
);
create index if not exists revisit_changed on revisit (changed_at, revisit_id);

create table if not exists prescription (          -- 在线处方
    prescription_id  varchar(60)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    state            varchar(10)   not null,
    public_no        varchar(64)   not null,       -- 处方唯一号: random, for the patient and the pharmacy
    business_id      varchar(50)   not null,       -- of the revisit or the consultation it came from
    business_kind    varchar(20)   not null,       -- REVISIT, CONSULTATION
    campus_code      varchar(10),
    campus_name      varchar(50),
    subject_code     varchar(10)   not null,
    subject_name     varchar(30)   not null,
    dept_name        varchar(30)   not null,
    doctor_id        varchar(50)   not null,
    doctor_id_no     varchar(18)   not null,
    doctor_name      varchar(50)   not null,
    auditor_id       varchar(50)   not null,       -- 审方药师
    auditor_id_no    varchar(18)   not null,
    auditor_name     varchar(50)   not null,
    audited_at       timestamp     null,
    patient_id_type  varchar(2)    not null,
    patient_id_no    varchar(18)   not null,       -- may be '' under 14
    patient_name     varchar(50)   not null,
    patient_age      integer       not null,
    patient_sex      varchar(1)    not null,
    patient_mobile   varchar(15)   not null,
    guardian_id_no   varchar(18),
    guardian_name    varchar(50),
    guardian_mobile  varchar(20),
    card_type        varchar(10),
    card_no          varchar(30),
    payer            varchar(10),                  -- SELF, INSURANCE
    allergies        varchar(100),
    history          varchar(2000) not null,
    is_valid         smallint      not null,
    insurance_no     varchar(30),                  -- 医保处方编号
    checked          smallint      not null,       -- 合理用药 was checked
    check_result     varchar(1000),
    diagnosis_codes  varchar(60)   not null,       -- clinical
    insurance_diagnosis_codes varchar(60),
    diagnosis_names  varchar(100)  not null,       -- in the order of the codes
    kind             varchar(10)   not null,       -- WESTERN, PATENT, HERBAL
    packets          integer,                      -- 帖数, of HERBAL
    prescribed_at    timestamp     not null,
    valid_days       integer       not null,
    valid_from       date          not null,
    valid_to         date          not null,
    total_fee        decimal(10,2) not null,
    paid             smallint      not null,
    dispensed        smallint      not null
);
create index if not exists prescription_changed on prescription (changed_at, prescription_id);

create table if not exists prescription_item (     -- 处方明细; written with its prescription
    prescription_id  varchar(60)   not null,
    line_no          integer       not null,       -- from 1
    drug_code        varchar(30)   not null,       -- of the table drug
    drug_name        varchar(60)   not null,
    spec             varchar(30)   not null,       -- 规格
    pack_size        integer,
    pack_unit        varchar(10),
    maker            varchar(60),
    route_code       varchar(10)   not null,       -- 用药途径 CV06.00.102
    frequency        varchar(10)   not null,
    dose             varchar(10)   not null,       -- each time
    dose_unit        varchar(6)    not null,
    quantity         decimal(10,2) not null,       -- in all
    quantity_unit    varchar(6)    not null,
    days             integer       not null,
    batch_no         varchar(20),
    national_code    varchar(20),
    remark           varchar(100),
    is_otc           smallint      not null,
    primary key (prescription_id, line_no)
);

create table if not exists verification (          -- 核销: how the patient got what was prescribed
    verification_id  varchar(50)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    prescription_id  varchar(60)   not null,
    public_no        varchar(64)   not null,
    business_id      varchar(50),
    campus_code      varchar(10),
    campus_name      varchar(50),
    delivery         varchar(10)   not null,       -- PICKUP, HOSPITAL, PHARMACY, EXPIRED
    verified_at      timestamp     not null,
    firm             varchar(100),                 -- with PICKUP and HOSPITAL
    person           varchar(50)   not null,
    delivery_from    timestamp     null,           -- with HOSPITAL
    delivery_to      timestamp     null,
    delivery_fee     decimal(10,2),
    total_fee        decimal(10,2) not null,
    paid             smallint      not null,
    trade_no         varchar(60)
);
create index if not exists verification_changed on verification (changed_at, verification_id);

create table if not exists drug (                  -- 药品目录
    drug_code        varchar(30)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    drug_class       varchar(50)   not null,       -- 监管药品分类, 010101
    national_code    varchar(50),
    generic_name     varchar(60)   not null,
    trade_name       varchar(60),
    alias            varchar(60),
    packing          varchar(30)   not null,
    maker            varchar(60)   not null,
    price            decimal(10,2),
    in_use           smallint      not null
);
create index if not exists drug_changed on drug (changed_at, drug_code);

create table if not exists evaluation (            -- 评价
    evaluation_id    varchar(50)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    business_id      varchar(50)   not null,
    business_kind    varchar(20)   not null,       -- CONSULT_TEXT, CONSULT_PHONE, CONSULT_VIDEO, REVISIT, PRESCRIPTION
    subject_code     varchar(10)   not null,
    dept_name        varchar(30)   not null,
    doctor_id        varchar(50)   not null,
    doctor_id_no     varchar(18)   not null,
    doctor_name      varchar(50)   not null,
    satisfaction     integer       not null,       -- 1 not at all .. 5 very much
    score            integer       not null,       -- 0 .. 10
    comment_text     varchar(300)  not null,
    complaint        varchar(1024),
    author           varchar(30)   not null,
    evaluated_at     timestamp     not null
);
create index if not exists evaluation_changed on evaluation (changed_at, evaluation_id);

create table if not exists dispute (               -- 医疗争议、不良事件
    dispute_id       varchar(50)   not null primary key,
    version          integer       not null,
    changed_at       timestamp     not null,
    is_test          smallint      not null,
    business_kind    varchar(20)   not null,       -- as of evaluation
    patient_name     varchar(50)   not null,
    patient_mobile   varchar(15)   not null,
    description      varchar(1024) not null,
    reason           varchar(1024) not null,
    steps_taken      varchar(1024) not null,
    damage           varchar(1024) not null,
    improvements     varchar(1024) not null,
    happened_at      timestamp     not null,
    reported_by_dept varchar(30)   not null,
    reported_by      varchar(50)   not null,
    reported_at      timestamp     not null
);
create index if not exists dispute_changed on dispute (changed_at, dispute_id);
