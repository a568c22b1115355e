"""Did the model refuse, or ask for what it was to look at, instead of answering?

A refusal is an opening phrase of an answer that holds no statement of code. Never a topical word: published lists ("illegal",
"inappropriate") delete valid C text such as "illegal instruction" or "Inappropriate ioctl for device". A message that the answer only quotes
("Sorry, I cannot open the file: that is what perror prints") is none: what cannot be done there is no answering.

>>> check(PairAnswer(instruction="q", output="抱歉，我无法回答这个问题。"), Context())
[Flag(filter='refusal', params={'phrase': '抱歉，我无法回答'})]

Not covered: a refusal that comes after an answer has begun, and one in a third language.
"""
from __future__ import annotations

import re

from curation.chinese import simplified
from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "refusal"

_CANNOT = r"(?:can(?:no|')?t|can not|won't|will not|(?:am|are|'m|'re) (?:currently )?(?:unable|not able) to|(?:could|would)(?: not|n't)(?: be able to)?)"
_DO = (
    r"(?:help(?! (?:noticing|but|thinking|it))|assist|comply|fulfill?|answer|provide|continue|do th[ai][ts]|support|engage|discuss|generate|create|process|access|browse|determine|tell"
    r"|say|see|view|give|offer|respond|complete|identify|figure|know|be (?:of|certain|sure)|make (?:a|that)|analy[sz]e|explain|share|write|produce)"
)
_SORRY = r"(?:(?:i'm|i am|we're|we are)?\s*(?:very |so |truly |really |terribly )?sorry|(?:my )?(?:sincere )?apologies|(?:i|we) (?:sincerely )?apologi[sz]e)"
_LACK = (
    r"(?:(?:do not|don't|did not|didn't) (?:have|see|find|know)|lack|need|would need|require|have no)\b[^.\n]{0,40}"
    r"\b(?:information|context|code|source|details?|access|definition|file|snippet|knowledge|answer)"
)
_WITHOUT = (
    r"(?:without|lacking) (?:seeing |access to |knowing |having |being given )?(?:the |more |any |further |additional |enough |your )*"
    r"(?:code|source|context|information|details?|implementation|definition|snippet|file)"
)
_NOTHING = r"(?:not enough|insufficient|too little|no) (?:information|context|code|details?)\b"
_SHOW = (
    r"(?:provide|share|post|paste|send|show|give|upload|attach|include|supply)\b(?: me| us)?(?: with)?"
    r" (?:the |your |more |some |any |further |additional |a |full |complete |relevant |actual |source |specific )*"
    r"(?:code|source|context|information|details?|snippet|file|definition|function|driver|implementation)"
)
_ENGLISH = re.compile(
    rf"{_SORRY}\b[\s,.;:!—-]*(?:but |for [^.,]{{1,40}}[,.] ?(?:but )?|that |as |because )?(?:i|we)\s*(?:{_CANNOT}[*_]*(?: really| currently)? (?:{_DO}|with)\b|{_LACK})"
    rf"|{_SORRY}\b[\s,.;:!—-]*(?:but )?(?:{_NOTHING}|there (?:is|'s|isn't) (?:{_NOTHING}|enough)|this (?:is|goes) (?:beyond|outside|against)|{_WITHOUT})"
    rf"|{_SORRY}\b[\s,.;:!—-]*(?:but )?(?:could|can|would|please)\b[^.?\n]{{0,20}}{_SHOW}"
    rf"|(?:unfortunately,? |as requested,? |at this time,? )?(?:i|we)\s*{_CANNOT}[*_]*(?: really| currently)? {_DO}\b"
    rf"|(?:unfortunately,? |hmm,? |well,? )?(?:i|we) {_LACK}"
    rf"|(?:unfortunately,? )?(?:there is|there's|there isn't|the (?:question|snippet|prompt) (?:has|gives|contains)) (?:{_NOTHING}|enough)"
    rf"|{_NOTHING}[^.\n]{{0,30}} (?:is |was |to |has )"
    rf"|(?:unfortunately,? )?{_WITHOUT}[^.\n]{{0,40}}, (?:i|it|we|one|there)\b"
    rf"|(?:unfortunately,? )?it(?:'s| is) (?:impossible|not possible|hard|difficult) (?:for me )?to (?:determine|tell|say|answer|know)\b"
    rf"|(?:could|can|would) you (?:please |kindly )?{_SHOW}|please (?:first )?{_SHOW}|if you (?:could |can )?{_SHOW}"
    r"|as (?:an?|your) (?:ai|artificial intelligence|large language model)(?: (?:language )?(?:model|assistant))?[,.]"
    r"|as a language model\b|i(?:'m| am) (?:just |only )?an? (?:ai|language model)\b"
    r"|i(?:'m| am) not (?:sure|certain|able)\b[^.\n]{0,20}(?:what|which|how|to)",
    re.IGNORECASE,
)
_GREETING = r"(?:(?:您好|你好|您|亲)[，,！!。\s]*)?"
_REGRET = r"(?:(?:很|非常|十分|实在|真的)?(?:抱歉|对不起|不好意思|遗憾|对此深表歉意|歉)[，,。.！!：:\s]*)"
_NOT_ABLE = r"(?:无法|不能|没有?办法|没法|不便|不可以|不会|难以)"
_ANSWERING = (
    r"(?:为您|为你|帮您|帮你|给您|给你|准确|直接|进一步|继续|完全)*(?:回答|提供|协助|帮助|满足|完成|继续|讨论|生成|给出|访问|浏览|判断|确定|确认|得知|知道|分析|解答|处理|"
    r"看到|查看|告诉|说明|推断|执行|透露|响应|回复|您的|你的|这个问题|该请求)"
)
_CHINESE = re.compile(
    rf"{_GREETING}{_REGRET}(?:但是?|不过|，)*(?:我|本人|作为[^，,。]{{1,12}}[，,]\s*我?)?(?:暂时|目前|现在|确实|还)?{_NOT_ABLE}{_ANSWERING}"
    rf"|{_GREETING}{_REGRET}[^。\n]{{0,24}}(?:超出了?我?的?(?:能力|知识|范围)|缺少|缺乏|没有(?:足够|提供|看到|给出)|信息不足|未提供)"
    rf"|{_GREETING}{_REGRET}?(?:由于|因为|因)?(?:您|你|题目|问题)?(?:目前|这里)?(?:缺少|缺乏|没有(?:足够的?|提供|给出)|未提供|未给出|不足)[^。\n]{{0,24}}(?:上下文|代码|程式码|信息|资讯|源码|定义|材料)"
    rf"[^。\n]{{0,12}}(?:，|,|所以|因此)?(?:我)?(?:{_NOT_ABLE}|不好|请)"
    rf"|{_GREETING}{_REGRET}?(?:我)?(?:暂时|目前|现在)?{_NOT_ABLE}{_ANSWERING}[^。\n]{{0,12}}(?:问题|请求|帮助|内容|答案|建议|代码|信息|服务|指向|话题|要求)"
    rf"|{_GREETING}{_REGRET}?我(?:暂时|目前)?{_NOT_ABLE}{_ANSWERING}"
    rf"|{_GREETING}{_REGRET}?(?:请|麻烦|烦请)(?:您|你)?(?:先|再)?(?:提供|贴出|给出|发送|粘贴|上传|补充|发)(?:一下|更多|完整|相关|具体|出|的)*[^。，,\n]{{0,12}}(?:代码|程式码|源码|原始码|上下文|信息|片段|文件|细节|定义)"
    rf"|{_GREETING}{_REGRET}?(?:这个问题|该问题|这|此问题)?(?:已经?)?超出了?我的(?:能力|知识)"
    rf"|{_GREETING}{_REGRET}?(?:信息|上下文|代码)(?:太少|不足|不够|有限)[，,]"
    r"|(?:作为|我(?:只)?是)一?(?:个|名|款)?(?:AI|人工智能|大?语言模型|智能助手)(?:语言模型|助手|模型)?[，,。]",
    re.IGNORECASE,
)
# A statement of code in an answer: a fence, a statement's end, a block, a preprocessor line, an object's key.
_CODE = re.compile(r"```|;\s*$|\{\s*$|^\s*\}|^\s*#\s*(?:include|define|if)|\"\w+\"\s*:", re.MULTILINE)
_OPENING = re.compile(r"^[\s*>#-]+")
_QUOTED = re.compile(r"^[\"“‘'「『`]([^\"”’'」』`\n]{3,200})[\"”’'」』`]\s*[\w\u4e00-\u9fff(（是为]")  # quoted, and something is said of it


def check(row: PairAnswer, context: Context) -> list[Flag]:
    answer = simplified(_OPENING.sub("", row.output)).replace("’", "'")
    if _QUOTED.match(answer):
        return []
    answer = answer.lstrip("\"'“”‘「『 ")
    match = _ENGLISH.match(answer) or _CHINESE.match(answer)
    if not match or _CODE.search(answer):
        return []
    return [Flag(filter=NAME, params={"phrase": match.group().strip()[:80]})]
