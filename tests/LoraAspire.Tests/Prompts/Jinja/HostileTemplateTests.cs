using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Tests.Prompts.Jinja;

/// <summary>A template comes with a model from anywhere. Whatever it does, it ends, within bounds, in one kind of exception that names its
/// line.</summary>
public sealed class HostileTemplateTests
{
    private const string TooDeep = "the template nests values or calls too deeply: maximum recursion depth exceeded";
    private const string Nested = "tags or expressions are nested too deeply";
    private const string Brackets = "brackets are nested too deeply";
    private const string TooLong = "an expression is too long";
    private const string Steps = "the template takes more than 2000000 steps";
    private const string Letters = "the template goes through more than 67108864 characters";
    private const string Text = "the template makes a text of more than 16777216 characters";
    private const string Bits = "a number of more than 4096 bits";

    [Theory]
    [InlineData("{{ ", "(", 100_000, "", Brackets)]
    [InlineData("{{ ", "[", 100_000, "", Brackets)]
    [InlineData("", "{% if 1 %}", 50_000, "", Nested)]
    [InlineData("", "{% macro m() %}", 50_000, "", Nested)]
    [InlineData("{{ ", "not ", 100_000, "1 }}", Nested)]
    [InlineData("{{ ", "-", 100_000, "1 }}", Nested)]
    [InlineData("{{ 1", " if 1 else 2", 50_000, " }}", Nested)]
    [InlineData("{{ 1", "+1", 100_000, " }}", TooLong)]
    [InlineData("{{ 1", " and 1", 100_000, " }}", TooLong)]
    [InlineData("{{ a", ".a", 100_000, " }}", TooLong)]
    [InlineData("{{ a", "|trim", 100_000, " }}", TooLong)]
    [InlineData("{{ a", "(1)", 100_000, " }}", TooLong)]
    [InlineData("", "x", 10_000_000, "", "it has 10000000 characters, which no chat template has (1048576 at most)")]
    public void A_template_too_deep_or_too_long_is_refused_as_it_is_read(string before, string part, int times, string after, string words)
    {
        var source = before + string.Concat(Enumerable.Repeat(part, times)) + after;
        var fault = Assert.Throws<TemplateException>(() => new JinjaTemplate(source));
        Assert.Equal((words, 1), (fault.Words, fault.Line));
    }

    [Theory]
    [InlineData("{% for i in range(1000000000) %}{% endfor %}", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")]
    [InlineData("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", Steps)]
    [InlineData("{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}", Text)]
    [InlineData("{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}", Letters)]
    [InlineData("{% set n = namespace(s='ab') %}{% for i in range(100) %}{% set n.s = n.s.replace('', n.s) %}{% endfor %}", Text)]
    [InlineData("{% set n = namespace(s=[1]) %}{% for i in range(100) %}{% set n.s = n.s + n.s %}{% endfor %}", Steps)]
    [InlineData("{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}", Steps)]
    [InlineData("{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s|tojson }}", Steps)]
    [InlineData("{% set n = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}{% "
        + "endfor %}"
        + "{{ n.s == n.t }}", Steps)]
    [InlineData("{% set n = namespace(s=[]) %}{% for i in range(90000) %}{% set n.s = [n.s] %}{% endfor %}{{ n.s }}", TooDeep)]
    [InlineData("{% set n = namespace(s=[]) %}{% for i in range(90000) %}{% set n.s = [n.s] %}{% endfor %}{{ n.s|tojson }}", TooDeep)]
    [InlineData("{% set n = namespace(s=[1]) %}{% for i in range(50000) %}{% set n.s = n.s|map('int') %}{% endfor %}{{ n.s|list }}",
        TooDeep)]
    [InlineData("{% set n = namespace() %}{% set n.x = [n] %}{{ n }}", TooDeep)]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", TooDeep)]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", TooDeep)]
    [InlineData("{{ 'a' * 1000000000000 }}", Text)]
    [InlineData("{{ [1] * 1000000000000 }}", Steps)]
    [InlineData("{{ 10 ** 1000000000 }}", Bits)]
    [InlineData("{% set n = namespace(s=3) %}{% for i in range(100) %}{% set n.s = n.s * n.s %}{% endfor %}", Bits)]
    [InlineData("{{ 'a'.ljust(1000000000) }}", Text)]
    [InlineData("{{ '%1000000000d' % 1 }}", Text)]
    [InlineData("{{ '{:1000000000}'.format(1) }}", Text)]
    [InlineData("{{ '%.1000000000f' % 1 }}", "more than 100 decimal places")]
    [InlineData("{{ 'a'|indent(1000000000) }}", "an indent of more than 1000")]
    [InlineData("{{ [1]|batch(1000000000, 'x')|list }}", Steps)]
    [InlineData("{{ [1]|slice(1000000000)|list }}", Steps)]
    [InlineData("{% set s = 'a' * 1000000 %}{{ s.find('a' * 500000 ~ 'b') }}", Letters)]
    [InlineData("{% set s = 'a' * 100000 %}{% for i in range(90000) %}{% set x = s.find('b') %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 100000 %}{% for i in range(90000) %}{% set x = s is lower %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 100000 %}{% set d = {s: 1} %}{% for i in range(90000) %}{% set x = d[s] %}{% endfor %}", Letters)]
    [InlineData("{% set l = range(1000)|list %}{% for i in range(9000) %}{% set x = l|sort %}{% endfor %}", Steps)]
    [InlineData("{% set s = 'a' * 100000 %}{% for i in range(90000) %}{{ s }}{% endfor %}", Text)]
    [InlineData("{{ -2 ** 3000000000 }}", Bits)]
    [InlineData("{{ -2 ** 4097 }}", Bits)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{{ ([s] * 1000000)|unique(true)|list }}", Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% for i in range(90000) %}{% set x = {s: 1} %}{% endfor %}", Letters)]
    [InlineData(
        "{% set s = 'a' * 1000 * 10000 %}{% set d = {s: 1} %}{% for i in range(90000) %}{% set x = dict(d) %}{% endfor %}",
        Letters)]
    [InlineData(
        "{% set s = 'a' * 1000 * 10000 %}{% set d = {s: 1} %}{% for i in range(90000) %}{% set x = dict(**d) %}{% endfor %}",
        Letters)]
    [InlineData(
        "{% set s = 'a' * 1000 * 10000 %}{% set t = s ~ '' %}{% for i in range(90000) %}{% set x = s is sameas(t) %}{% endfor %}",
        Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% for i in range(90000) %}{% set x = [][s] %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% for i in range(90000) %}{% set x = s is filter %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% for i in range(90000) %}{% set x = ''.strip(s) %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% set t = s ~ 'b' %}{{ t.endswith((s ~ 'c',) * 100000) }}", Letters)]
    [InlineData("{% set t = ('b',) * 1000000 %}{% for i in range(90000) %}{% set x = ''.startswith(t) %}{% endfor %}", Letters)]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{% for i in range(90000) %}{% set x = s % {} %}{% endfor %}", Letters)]
    [InlineData("{{ ('{0[9]}' * 1000 * 2100).format([]) }}", Steps)]
    public void A_template_that_does_too_much_is_stopped(string template, string words)
    {
        var fault = Assert.Throws<TemplateException>(() => new JinjaTemplate("\n\n" + template).Render([], DateTimeOffset.UnixEpoch));
        Assert.Equal((words, 3), (fault.Words, fault.Line));
    }

    /// <summary>Each would take minutes or hours, or be refused, if it cost one operand's length times the other's.</summary>
    [Theory]
    [InlineData("{% set s = 'a' * 1000 * 10000 %}{{ s.strip('b' * 1000 * 10000 ~ 'a')|length }}", "0")]
    [InlineData(
        "{% set d = dict(range(-100000, 0)|map('string')|batch(2)) %}{{ ('{-2}{-2[x]}' * 2 ~ '{-2[x]}' * 1000 * 300).format(**d) }}",
        "-1-1")]
    [InlineData("{% set s = 'a,' * 100 * 11000 %}{{ s.split(',')|length }}", "1100001")]
    [InlineData("{% set s = 'a,' * 100 * 11000 %}{{ s.rsplit(',')|length }}", "1100001")]
    [InlineData("{{ -2 ** 4095 == -(2 ** 4095) }}", "True")]
    public void A_template_within_the_bounds_is_done(string template, string text) =>
        Assert.Equal(text, new JinjaTemplate(template).Render([], DateTimeOffset.UnixEpoch).Value);

    /// <summary>Of 1,000,000 parts there are steps for fewer than 100,000, and each part takes some 400 bytes.</summary>
    [Theory]
    [InlineData("{{ ('a ' * 1000 * 1000).split() }}")]
    [InlineData("{{ ('a ' * 1000 * 1000).rsplit() }}")]
    [InlineData("{{ ('a ' * 1000 * 1000).split(' ') }}")]
    [InlineData("{{ ('a ' * 1000 * 1000).rsplit(' ') }}")]
    [InlineData("{{ ('a\\n' * 1000 * 1000).splitlines() }}")]
    public void Text_is_not_taken_apart_further_than_the_steps_go(string template)
    {
        JinjaTemplate parsed = new(
            "{% set l = range(100000)|list %}{% for i in range(9) %}{% set x = l + l %}{% endfor %}\n\n" + template);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = Assert.Throws<TemplateException>(() => parsed.Render([], DateTimeOffset.UnixEpoch));
        Assert.Equal((Steps, 3), (fault.Words, fault.Line));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 150_000_000);
    }

    [Theory]
    [InlineData("{{ 'a", "unexpected char \"'\": a string that begins here has no end")]
    [InlineData("{{ (", "unexpected end of template: a tag that began here has no '}}'")]
    [InlineData("{%", "unexpected end of template: a tag that began here has no '%}'")]
    [InlineData("{# a", "Missing end of comment tag")]
    [InlineData("{% raw %}{{ x }}", "Missing end of raw directive")]
    [InlineData("{{ (] }}", "unexpected ']', expected ')'")]
    [InlineData("{{ 1 2 }}", "unexpected '2', expected 'end of print statement'")]
    [InlineData("{{ }}", "Expected an expression, got 'end of print statement'")]
    [InlineData("{{ '\\x' }}", "the escape \\x needs 2 hexadecimal digits")]
    [InlineData("{% endif %}", "Encountered unknown tag 'endif'")]
    [InlineData("{% break %}", "'break' outside loop")]
    [InlineData("{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "'break' outside loop")]
    [InlineData("{% for x in [1] %}{% for y in x recursive %}{% else %}{% break %}{% endfor %}{% endfor %}", "'break' outside loop")]
    [InlineData("{% set true = 1 %}", "can't assign to 'true'")]
    [InlineData("{% include '/etc/passwd' %}", "'include' isn't for chat templates: they are one file and read no other")]
    [InlineData("{% import 'x' as y %}", "'import' isn't for chat templates: they are one file and read no other")]
    [InlineData("{% if x %}{% for y in z %}{% endif %}", "Encountered unknown tag 'endif'")]
    [InlineData("{% if x %}", "Unexpected end of template: the 'if' that began before line 3 has no elif or else or endif")]
    public void What_is_no_template_is_refused_with_its_line(string template, string words)
    {
        var fault = Assert.Throws<TemplateException>(() => new JinjaTemplate("a\nb\n" + template));
        Assert.Equal((words, 3), (fault.Words, fault.Line));
    }

    [Theory]
    [InlineData("{{ ''.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe.")]
    [InlineData("{{ raise_exception.__globals__['x'] }}", "access to attribute '__globals__' of 'function' object is unsafe.")]
    [InlineData("{{ messages.append(1) }}", "access to attribute 'append' of 'list' object is unsafe.")]
    [InlineData("{{ messages.GetType().Assembly }}", "'list object' has no attribute 'GetType'")]
    public void Nothing_outside_can_be_reached(string template, string words) =>
        Assert.Equal(words, Assert.Throws<TemplateException>(() => new JinjaTemplate(template).Render(
            [KeyValuePair.Create<string, Value>("messages", new ListValue([]))], DateTimeOffset.UnixEpoch)).Words);
}
