"""Invented people: names with pinyin, identity documents with right check digits, phones nobody has.

Nobody here exists. Identity numbers are born 1900-1909 (the test numbers of GB 11643 practice), phones lie in
13800100000-13800199999. A few names are chosen to hurt: characters outside GBK, and characters whose second
GBK byte is a backslash (昞, 誠) or a bar (珅, 妡), which break whoever splits bytes before decoding them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

_SURNAMES = (
    "王Wang 李Li 张Zhang 刘Liu 陈Chen 杨Yang 黄Huang 赵Zhao 吴Wu 周Zhou 徐Xu 孙Sun 马Ma 朱Zhu 胡Hu 郭Guo 何He 林Lin "
    "罗Luo 高Gao 梁Liang 郑Zheng 谢Xie 宋Song 唐Tang 许Xu 邓Deng 韩Han 冯Feng 曹Cao 彭Peng 曾Zeng 萧Xiao 田Tian 董Dong "
    "潘Pan 袁Yuan 蔡Cai 蒋Jiang 余Yu 于Yu 杜Du 叶Ye 程Cheng 魏Wei 苏Su 吕Lü 丁Ding 任Ren 卢Lu 姚Yao 钟Zhong 姜Jiang "
    "谭Tan 廖Liao 范Fan 汪Wang 陆Lu 金Jin 石Shi 贾Jia 韦Wei 夏Xia 付Fu 方Fang 邹Zou 熊Xiong 白Bai 孟Meng 秦Qin "
    "欧阳Ouyang 司徒Situ 上官Shangguan 诸葛Zhuge"
)
_MALE = (
    "伟Wei 强Qiang 磊Lei 军Jun 勇Yong 杰Jie 涛Tao 明Ming 超Chao 刚Gang 平Ping 辉Hui 鹏Peng 华Hua 飞Fei 建Jian "
    "国Guo 志Zhi 浩Hao 宇Yu 轩Xuan 泽Ze 楠Nan 诚Cheng 誠Cheng 昞Bing 珅Shen 龑Yan"
)
_FEMALE = (
    "芳Fang 娜Na 敏Min 静Jing 丽Li 艳Yan 娟Juan 霞Xia 秀Xiu 玲Ling 桂Gui "
    "英Ying 梅Mei 兰Lan 洁Jie 雪Xue 婷Ting 慧Hui 欣Xin 怡Yi 佳Jia 琳Lin 萍Ping 妡Xin 瑶Yao 㛃Jie 倩Qian 蕾Lei"
)
_MINORITY = (("阿依古丽·买买提", "Ayguli Maimaiti", "维吾尔族", "F"), ("扎西·次仁", "Zhaxi Ciren", "藏族", "M"))
_REGIONS = ("110101", "310101", "440104", "440106", "440304", "440306", "440604", "441900", "430102", "450103")
_STREETS = ("桃源路", "星湖大道", "北苑街", "迎春巷", "文昌路", "滨江西路", "建设二路", "学府街")
_CITIES = ("广东省广州市越秀区", "广东省深圳市福田区", "广东省佛山市禅城区", "广东省肇庆市端州区", "湖南省长沙市芙蓉区")
_FEES = ("自费", "职工医保", "职工医保", "居民医保", "公费医疗", "异地医保")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person; `id_type` is `01` identity card, `03` passport, `06` residence permit (港澳台)."""

    name: str
    pinyin: str
    sex: str
    birth: date
    id_type: str
    id_number: str
    mobile: str
    address: str
    ethnicity: str
    fee_type: str


def check_digit(first17: str) -> str:
    """The 18th character of a GB 11643-1999 number (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def identity_number(region: str, birth: date, order: int, sex: str) -> str:
    """An 18-character number; the 17th digit is odd for men."""
    if (order % 2 == 1) != (sex == "M"):
        order = (order + 1) % 1000
    first17 = f"{region}{birth:%Y%m%d}{order:03d}"
    return first17 + check_digit(first17)


def person(rng: Random, number: int) -> Person:
    """The `number`-th person of a town; the same generator state makes the same one."""
    sex = rng.choice("MF")
    ethnicity = "汉族"
    name, pinyin = full_name(rng, sex)
    if number % 97 == 11:
        name, pinyin, ethnicity, sex = _MINORITY[number // 97 % len(_MINORITY)]
    birth = date(1900, 1, 1) + timedelta(days=rng.randrange(3652))
    id_type, id_number = _document(rng, number, birth, sex)
    return Person(
        name=name,
        pinyin=pinyin,
        sex=sex,
        birth=birth,
        id_type=id_type,
        id_number=id_number,
        mobile=f"138001{number % 100_000:05d}",
        address=f"{rng.choice(_CITIES)}{rng.choice(_STREETS)}{rng.randrange(1, 200)}号{rng.randrange(1, 30)}栋",
        ethnicity=ethnicity,
        fee_type=rng.choice(_FEES),
    )


def full_name(rng: Random, sex: str) -> tuple[str, str]:
    """Hanzi and pinyin, `("欧阳小明", "Ouyang Xiaoming")`: surname first, one or two given characters."""
    surname, surname_sound = _split(rng.choice(_SURNAMES.split()))
    pool = (_MALE if sex == "M" else _FEMALE).split()
    given = [_split(entry) for entry in rng.sample(pool, rng.choice((1, 2, 2)))]
    return surname + "".join(
        hanzi for hanzi, _ in given
    ), f"{surname_sound} {''.join(s for _, s in given).capitalize()}"


def _split(entry: str) -> tuple[str, str]:
    at = next(i for i, char in enumerate(entry) if char.isascii())
    return entry[:at], entry[at:]


def _document(rng: Random, number: int, birth: date, sex: str) -> tuple[str, str]:
    if number % 71 == 7:
        return "03", f"E{rng.randrange(10_000_000, 99_999_999)}"
    region = "810000" if number % 83 == 5 else rng.choice(_REGIONS)
    return ("06" if region == "810000" else "01"), identity_number(region, birth, number % 1000, sex)
