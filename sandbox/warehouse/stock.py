"""What the internet hospital treats, prescribes and says: invented words with codes that look like the real ones."""

from typing import NamedTuple


class Illness(NamedTuple):
    """A diagnosis with its code in both editions of ICD-10, and what a patient tells of it."""

    clinical: str
    insurance: str
    name: str
    history: str


class Drug(NamedTuple):
    """A drug, and how it is usually given; `herbal`: by the packet."""

    code: str
    drug_class: str
    name: str
    packing: str
    maker: str
    price: str
    pack_unit: str
    route: str
    frequency: str
    dose: str
    dose_unit: str
    kind: str = "WESTERN"


SUBJECTS = {
    "心血管内科": ("03.04", "心血管内科专业"),
    "呼吸与危重症医学科": ("03.01", "呼吸内科专业"),
    "消化内科": ("03.02", "消化内科专业"),
    "神经内科": ("03.03", "神经内科专业"),
    "内分泌科": ("03.07", "内分泌专业"),
    "儿科": ("07", "儿科"),
}
"""The hospital's departments that see patients online, with their 诊疗科目."""

ILLNESSES = {
    "心血管内科": (
        Illness("I10.x00", "I10.x09", "高血压病", "高血压3年,规律服药,血压控制可"),
        Illness("I25.100", "I25.103", "冠心病", "冠心病史5年,偶有胸闷"),
    ),
    "呼吸与危重症医学科": (
        Illness("J45.900", "J45.903", "支气管哮喘", "哮喘10年,近期无发作"),
        Illness("R05.x00", "R05.x01", "咳嗽", "咳嗽两周,无发热"),
    ),
    "消化内科": (
        Illness("K29.500", "K29.502", "慢性胃炎", "反酸、上腹隐痛半年"),
        Illness("K21.900", "K21.901", "胃食管反流病", "烧心3个月,夜间明显"),
    ),
    "神经内科": (
        Illness("G43.900", "G43.901", "偏头痛", "反复头痛2年,劳累后加重"),
        Illness("G47.000", "G47.001", "失眠", "入睡困难半年"),
    ),
    "内分泌科": (
        Illness("E11.900", "E11.901", "2型糖尿病", "糖尿病6年,口服降糖药"),
        Illness("E78.500", "E78.501", "高脂血症", "体检发现血脂升高1年"),
    ),
    "儿科": (Illness("J06.900", "J06.903", "上呼吸道感染", "流涕、轻咳3天,无发热"),),
}
FIRST_DEPARTMENT, CHILDREN = "心血管内科", "儿科"

DRUGS = (
    Drug("YP0001", "010101", "阿莫西林胶囊", "0.25g*24粒", "示例制药一厂", "12.50", "盒", "1", "每日三次", "0.5", "g"),
    Drug("YP0002", "0401", "氨氯地平片", "5mg*14片", "示例制药一厂", "18.60", "盒", "1", "每日一次", "5", "mg"),
    Drug("YP0003", "0401", "缬沙坦胶囊", "80mg*7粒", "示例制药二厂", "26.30", "盒", "1", "每日一次", "80", "mg"),
    Drug("YP0004", "0601", "奥美拉唑肠溶胶囊", "20mg*14粒", "示例制药二厂", "22.00", "盒", "1", "每日两次", "20", "mg"),
    Drug("YP0005", "0802", "二甲双胍片", "0.5g*30片", "示例制药三厂", "15.20", "盒", "1", "每日两次", "0.5", "g"),
    Drug("YP0006", "0403", "阿托伐他汀钙片", "20mg*7片", "示例制药三厂", "31.40", "盒", "1", "每晚一次", "20", "mg"),
    Drug("YP0007", "0501", "沙丁胺醇气雾剂", "100ug*200揿", "示例制药四厂", "24.80", "支", "5", "必要时", "2", "揿"),
    Drug("YP0008", "0502", "氨溴索口服液", "100ml:0.6g", "示例制药四厂", "16.90", "瓶", "1", "每日三次", "10", "ml"),
    Drug("YP0009", "0301", "布洛芬缓释胶囊", "0.3g*20粒", "示例制药五厂", "19.90", "盒", "1", "每日两次", "0.3", "g"),
    Drug("YP0010", "2001", "逍遥丸", "6g*10袋", "示例中药厂", "28.00", "盒", "1", "每日两次", "6", "g", "PATENT"),
    Drug("YP0011", "2001", "甘草", "饮片", "示例中药厂", "0.20", "g", "1", "每日一剂", "6", "g", "HERBAL"),
    Drug("YP0012", "2001", "陈皮", "饮片", "示例中药厂", "0.30", "g", "1", "每日一剂", "9", "g", "HERBAL"),
)

QUESTIONS = (
    "血压早上偏高,需要调整用药吗?",
    "体检报告的这一项偏高,需要复查吗?",
    "这种药饭前吃还是饭后吃?",
    "最近夜里咳嗽,需要到医院做检查吗?",
    "换药以后有点头晕,是正常的吗?",
)
COMMENTS = ("解答清楚,很耐心", "回复及时", "医生很专业,谢谢")
