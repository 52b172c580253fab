from tfqnoise.errors import did_you_mean, listed


def test_names_with_commas_can_be_told_apart():
    names = ["vier, ue", 'drei "3"', "one", "eins"]
    assert did_you_mean("xyz", names) == """choose one of: 'drei "3"', 'eins', 'one', 'vier, ue'"""
    assert listed(iter(names[1:])) == """'drei "3"', 'one', 'eins'"""
    assert listed(iter(names[2:])) == "one, eins"
    assert listed([]) == ""


def test_the_nearest_name_is_offered():
    assert did_you_mean("resnet9", ["resnet20", "resnet8"]) == "did you mean 'resnet8'?"
    assert did_you_mean("xyz", ["resnet20", "mobilenet"]) == "choose one of: mobilenet, resnet20"
