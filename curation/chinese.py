"""Simplified and traditional Chinese: the characters that phrases of answers are told by.

>>> simplified("我無法回答這個問題，請提供程式碼")
'我无法回答这个问题，请提供程式码'

Only the characters of such phrases are mapped, one to one; whole texts are not converted.
"""
from __future__ import annotations

_TRADITIONAL = (
    "無對們請問題這個為麼沒辦幫給與關內資訊碼語確實難時條處說讓還從會後應該將現過發變種斷開進線"
    "運動環認傳誤錯單統計寫讀測試網絡執權護嗎於當選項繼續討論產訪瀏覽範圍識別遺補檔細節義議滿協"
    "數據體隨構啟調庫類驅裝機鎖鏈隊頭標簽記憶釋隻幾點麽報異訴預瞭譯複雜貼臺灣聯繫電腦頁圖檢詢詳"
    "專業領屬適"
)
_SIMPLIFIED = (
    "无对们请问题这个为么没办帮给与关内资讯码语确实难时条处说让还从会后应该将现过发变种断开进线"
    "运动环认传误错单统计写读测试网络执权护吗于当选项继续讨论产访浏览范围识别遗补档细节义议满协"
    "数据体随构启调库类驱装机锁链队头标签记忆释只几点么报异诉预了译复杂贴台湾联系电脑页图检询详"
    "专业领属适"
)
_TABLE = str.maketrans(_TRADITIONAL, _SIMPLIFIED)


def simplified(text: str) -> str:
    return text.translate(_TABLE)
