"""The one table of errors: what a code is called in every protocol that can carry it.

Codes and HTTP statuses: endpoint-catalog §0.3. HL7 acknowledgement codes and condition codes:
HL7 tables 0008 and 0357. A message text never holds data of a patient.
"""

from dataclasses import dataclass, field
from enum import Enum

from engine.base.where import Where


class Then(Enum):
    """What a program does that hears an error: in Chinese and in English."""

    MEND = (
        "请求本身有误：程序修正后再发，原样重发不会成功",
        "The request itself is wrong: mend the program; sent again as it is, it fails again.",
    )
    SIGN = (
        "检查密钥、时钟与签名文本，重新签名（新的 X-Nonce）再发",
        "Check secret, clock and signed text; sign anew, with a new X-Nonce.",
    )
    SHOW = (
        "把 message 显示给用户，由用户另选或补充后再办",
        "Show `message`; the user chooses otherwise or adds what is missing.",
    )
    PROVE = (
        "先完成所缺的验证或授权，再带新的凭证重新请求",
        "Go through the missing proof or consent first, then ask again with what it gave.",
    )
    LATER = (
        "未办成：按 Retry-After 稍后再发，有变更的操作换用新的 Idempotency-Key（原来的可能一直得到同样的回答）",
        "Nothing was done: try again after Retry-After, a change with a new key: the old one may say so for good.",
    )
    SAME_KEY = (
        "结果未定，不可当作失败：按 Retry-After 以同一 Idempotency-Key 和同一内容再问，直到有结果",
        "Neither done nor failed: ask again after Retry-After with the same key and content until it is known.",
    )
    REPORT = (
        "提示用户稍后再试；仍出现时把 traceId 告诉医院的运维人员",
        "Ask the user to try later; if it stays, tell the hospital's operators the traceId.",
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """How one error is said: HTTP status, HL7 MSA-1 and ERR-3, the texts for people, and what a program does then."""

    http: int
    ack: str
    condition: int
    zh: str
    en: str
    then: Then = Then.SHOW


class Code(Enum):
    """Every error the bus can answer with; the value holds how each protocol says it."""

    VALIDATION_FAILED = Kind(400, "AE", 102, "提交的内容有误，请检查后重试", "The content is not valid.", Then.MEND)
    NOT_READABLE = Kind(400, "AR", 100, "无法识别的报文", "The message cannot be read.", Then.MEND)
    UNSUPPORTED_MESSAGE = Kind(404, "AR", 200, "不支持的消息类型", "No route takes this message.", Then.MEND)
    UNSUPPORTED_VERSION = Kind(400, "AR", 203, "不支持的版本", "This version is not supported.", Then.MEND)
    PROCESSING_ID = Kind(400, "AR", 202, "处理标识不被接受", "This processing id is refused here.", Then.MEND)
    NOT_FOUND = Kind(404, "AE", 204, "未找到相关记录", "Nothing was found.")
    METHOD_NOT_ALLOWED = Kind(405, "AR", 200, "请求方法不被支持", "This method is not allowed here.", Then.MEND)
    SIGN_INVALID = Kind(401, "AR", 207, "签名校验失败", "The signature is missing or wrong.", Then.SIGN)
    PERMISSION_DENIED = Kind(403, "AR", 207, "没有访问权限", "This caller may not do this.", Then.MEND)
    RATE_LIMITED = Kind(429, "AE", 207, "请求过于频繁，请稍后再试", "Too many requests.", Then.LATER)
    TOO_LARGE = Kind(413, "AR", 207, "报文过大", "The message is larger than the limit.", Then.MEND)
    UNSUPPORTED_MEDIA = Kind(415, "AR", 207, "不支持的内容类型", "This content type is not supported.", Then.MEND)
    PATIENT_NOT_FOUND = Kind(404, "AE", 204, "未找到患者档案", "No such patient.")
    PATIENT_DUPLICATE = Kind(409, "AE", 205, "患者档案已存在或不唯一，请核对或到窗口处理", "The patient is not unique.")
    PATIENT_INCOMPLETE = Kind(422, "AE", 101, "患者资料不完整，请先完善", "Required data of the patient is missing.")
    BIND_LIMIT = Kind(409, "AE", 207, "绑定就诊人数量已达上限", "No more patients, or users, can be bound.")
    SMS_CODE_INVALID = Kind(422, "AE", 207, "验证码错误或已失效", "The code is wrong, used up or too old.", Then.PROVE)
    FACE_MISMATCH = Kind(422, "AE", 207, "人脸比对未通过", "The face does not match.", Then.PROVE)
    CONSENT_REQUIRED = Kind(422, "AE", 207, "需要患者先授权同意", "The patient's consent is needed first.", Then.PROVE)
    AUTH_EXPIRED = Kind(
        401, "AR", 207, "凭证已失效，请重新获取", "The ticket or session is unknown, used or too old.", Then.PROVE
    )
    CAPTCHA_REQUIRED = Kind(429, "AE", 207, "请先完成安全验证", "A captcha has to be passed first.", Then.PROVE)
    SLOT_SOLD_OUT = Kind(409, "AE", 207, "号源已满，请选择其他时段", "Nothing is left of this slot.")
    SLOT_LOCKED = Kind(409, "AE", 206, "该号源正被他人占用，请稍后再试", "Somebody else holds this slot.")
    LOCK_EXPIRED = Kind(409, "AE", 207, "锁号已超时，请重新选号", "The lock on the slot has run out.")
    DUPLICATE_BOOKING = Kind(409, "AE", 205, "已有相同的预约，请勿重复预约", "The patient has such a booking already.")
    SCHEDULE_STOPPED = Kind(409, "AE", 207, "该门诊已停诊，请选择其他时段", "The clinic does not take place.")
    BLACKLISTED = Kind(409, "AE", 207, "因爽约等原因暂不能预约，请到窗口处理", "The patient may not book at present.")
    BOOKING_LIMIT = Kind(409, "AE", 207, "预约次数已达上限", "The limit of bookings is reached.")
    NOT_REFUNDABLE = Kind(409, "AE", 207, "该号不支持线上退号", "This booking cannot be returned here.")
    REFUND_WINDOW_CLOSED = Kind(409, "AE", 207, "已超过退号时限", "The time for returning has passed.")
    ALREADY_VISITED = Kind(409, "AE", 207, "已就诊，不能退号", "The visit has taken place.")
    ALREADY_CHECKED_IN = Kind(409, "AE", 207, "已签到", "The patient has checked in already.")
    REFUND_PENDING = Kind(409, "AE", 206, "退费正在处理中，请勿重复提交", "A refund of this is under way.")
    CHECKIN_OUT_OF_WINDOW = Kind(409, "AE", 207, "不在签到时间内", "It is too early or too late to check in.")
    CHECKIN_OUT_OF_AREA = Kind(409, "AE", 207, "不在签到范围内", "The place is outside the check-in areas.")
    LIMIT_EXCEEDED = Kind(409, "AE", 207, "已达到次数上限", "A limit of how often is reached.")
    STATE_CONFLICT = Kind(409, "AE", 207, "当前状态不允许此操作", "The present state does not allow this.")
    IDEMPOTENCY_CONFLICT = Kind(
        409, "AE", 205, "重复的请求号对应不同内容", "The key was used with other content.", Then.MEND
    )
    IN_PROGRESS = Kind(
        409, "AE", 206, "请求正在处理中，请稍后查询", "The first with this key is still under way.", Then.SAME_KEY
    )
    BACKEND_REJECTED = Kind(422, "AE", 207, "业务系统未受理，请核对后重试", "The system behind refused.")
    BACKEND_UNAVAILABLE = Kind(
        503, "AE", 207, "业务系统暂不可用，请稍后再试", "The system behind cannot be reached.", Then.LATER
    )
    BACKEND_TIMEOUT = Kind(
        504, "AE", 207, "业务系统响应超时，请稍后再试", "The system behind did not answer in time.", Then.LATER
    )
    BACKEND_FORMAT = Kind(
        502, "AE", 207, "业务系统返回内容异常", "The reply of the system behind cannot be read.", Then.REPORT
    )
    RESULT_UNKNOWN = Kind(
        202, "AE", 207, "处理结果待确认，请稍后查询", "The outcome is not known yet; ask again.", Then.SAME_KEY
    )
    BUSY = Kind(503, "AE", 207, "系统繁忙，请稍后再试", "The bus cannot take more just now.", Then.LATER)
    INTERNAL = Kind(500, "AE", 207, "系统内部错误", "Something failed inside the bus.", Then.REPORT)

    @property
    def kind(self) -> Kind:
        """How this error is said in each protocol."""
        return self.value


@dataclass(frozen=True, slots=True)
class Backend:
    """Which system behind the bus said what. `text` is theirs, word for word: it may name a patient, so it
    is shown only to callers who may see it, and never logged (it stays out of `repr`).
    """

    system: str
    code: str = ""
    text: str = field(default="", repr=False)


class BusError(Exception):
    """An error with a code of the table.

    `detail` is for the caller and the log: it names fields and places, never their values.
    `spot` is the place inside the message (an HL7 `ERR-2` location, a JSON path), if there is one.
    `condition` overrides the table's HL7 condition code (0357) where the case is more exact.
    `backend` is who said no, where it was a system behind the bus.
    `task` is the id of the message that is meant: the one whose outcome is not known yet, or that stands in the way.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        spot: str = "",
        condition: int | None = None,
        backend: Backend | None = None,
        task: str = "",
    ) -> None:
        super().__init__(f"{code.name}: {detail}" if detail else code.name)
        self.code = code
        self.detail = detail
        self.spot = spot
        self.backend = backend
        self.task = task
        self.condition = code.kind.condition if condition is None else condition


class TextError(Exception):
    """A text (YAML) that cannot be used: raised where only one finding is possible."""

    def __init__(self, where: Where, what: str, hint: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f" ({hint})" if hint else ""))
        self.where = where
        self.what = what
        self.hint = hint


class Exit(Enum):
    """Exit codes of the command line."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    CANNOT_RUN = 3
