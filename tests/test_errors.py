import inspect

import studio.errors as errors


def test_every_error_is_in_the_drawn_tree_and_the_tree_draws_no_other():
    classes = {n for n, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.StudioError)}
    drawn = {
        word
        for line in (errors.__doc__ or "").splitlines()
        for word in line.replace("├", " ").replace("└", " ").split()[:3]
        if word.isidentifier() and word[0].isupper() and word in dir(errors)
    }
    assert classes == drawn


def test_an_unknown_name_lists_what_exists_the_closest_first():
    sentence = str(errors.UnknownName("sampler", "Eulr", ["DDIM", "Euler", "Euler a", "Heun"]))
    assert sentence.startswith("There is no sampler called “Eulr”. There are: Euler")
    assert "Heun" in sentence


def test_a_monstrous_name_does_not_fill_the_sentence():
    assert len(str(errors.UnknownName("model", "x" * 10_000, [f"m{i}" for i in range(500)]))) < 400
