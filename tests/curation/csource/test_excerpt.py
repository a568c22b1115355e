"""The excerpt shows the site, the evidence and the candidates, within its budget."""
import pytest

from curation.csource import build_index, make_excerpt
from curation.csource.excerpt import _TOKEN
from curation.tasks.function_pointer import propose

HEADER = "struct ops {\n\tint (*open)(int);\n};\n"
DRIVER = (
    "static int my_open(int a)\n{\n\treturn a;\n}\n\n" + "int filler;\n" * 30 + "static struct ops my_ops = {\n\t.open = my_open,\n};\n"
)
SITE = ("int before(void)\n{\n\treturn 0;\n}\n" + "\nint start(struct ops *p)\n{\n" + "\tprepare();\n" * 80 + "\treturn p->open(1);\n}\n")


@pytest.fixture
def index():
    return build_index([("ops.h", HEADER), ("driver.c", DRIVER), ("site.c", SITE)], jobs=0)


def test_it_holds_site_evidence_and_definition_of_several_files(index):
    (proposal,) = propose(index)
    text = make_excerpt(index, proposal, 400)
    assert text.startswith("// file: site.c\nint start(struct ops *p)\n{")
    assert "\treturn p->open(1);" in text
    assert "// file: driver.c\nstatic int my_open(int a)" in text
    assert "\t.open = my_open," in text
    assert "..." in text and "int filler" not in text and "before" not in text


@pytest.mark.parametrize("budget", [1, 30, 60, 120, 500])
def test_it_stays_within_the_budget_and_always_shows_the_site(index, budget):
    (proposal,) = propose(index)
    text = make_excerpt(index, proposal, budget)
    assert "p->open(1)" in text
    assert len(_TOKEN.findall(text)) <= max(budget, 25)
