using System.Text.Json;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Tests.Prompts.Jinja;

/// <summary>The language beyond what the published templates need. What is expected is what jinja2 3.1 gives, set up as transformers
/// does.</summary>
public sealed class JinjaLanguageTests
{
    private const string Variables = """
        {
          "n": 7, "s": "  Some text, here  ", "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": 2, "C": 0}, "t": true, "nn": null,
          "messages": [
            {"role": "user", "content": "Hi"}, {"role": "tool", "content": [{"type": "text", "text": "t1"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1, "b": [1.5, true, null, "x\"y你"]}}}]}
          ]
        }
        """;

    [Theory]
    [InlineData(
        "{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}|{{ 'xyaxy'.strip('yx') }}",
        "Some text, here|Some text, here  |  Some text, here|a")]
    [InlineData(
        "{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', 1) }}{{ ' a  b c '.split() }}{{ ' a  b c '.split(none, 1) }}",
        "['a', 'b,c']['a,b', 'c']['a', 'b', 'c']['a', 'b c ']")]
    [InlineData(
        "{{ 'a-b-c'.partition('-') }}{{ 'a-b-c'.rpartition('-') }}{{ 'a\\nb\\r\\nc'.splitlines() }}",
        "('a', '-', 'b-c')('a-b', '-', 'c')['a', 'b', 'c']")]
    [InlineData("{{ 'abc'.startswith(('x', 'a')) }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith('b', 1) }}", "TrueTrueTrue")]
    [InlineData(
        "{{ \"o'neil foo-bar\".title() }}|{{ \"o'neil foo-bar\"|title }}|{{ \"hello wORLD\".capitalize() }}",
        "O'Neil Foo-Bar|O'neil Foo-Bar|Hello world")]
    [InlineData("{{ 'aXb'.replace('X', '-') }}{{ 'aaa'.replace('a', 'b', 2) }}{{ 'abc'.replace('', '.') }}", "a-bbba.a.b.c.")]
    [InlineData("{{ 'abcb'.find('b') }}{{ 'abcb'.rfind('b') }}{{ 'abc'.find('z') }}{{ 'abcabc'.count('bc') }}", "13-12")]
    [InlineData("{{ '{} {x:>4} {:.2f}'.format('a', 2.5, x=1) }}|{{ '%s %05.1f %d%%'|format('a', 2.25, 5) }}", "a    1 2.50|a 002.2 5%")]
    [InlineData("{{ 'ab'.center(5) }}|{{ 'ab'.ljust(4, '*') }}|{{ '-5'.zfill(4) }}|{{ ','.join(['a', 'b']) }}", "  ab |ab**|-005|a,b")]
    public void Strings_have_the_methods_of_Python(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ '\U0001d4b3y\U0001d4b3'|length }}{{ '\U0001d4b3y\U0001d4b3'[1] }}{{ '\U0001d4b3y\U0001d4b3'[::-1] }}{{ '\U0001d4b3y"
            + "\U0001d4b3'.find('y') }}{{ '\U0001d4b3y\U0001d4b3'.strip('\U0001d4b3') }}",
        "3y\U0001d4b3y\U0001d4b31y")]
    [InlineData(
        "{{ 'xa\U0001F600a'.strip('a') }}{{ 'a\U0001F600b\U0001F600'.strip('\U0001F600a') }}{{ '\\ud83dab'.strip('\U0001F600a') }}",
        "xa\U0001F600bb")]
    [InlineData("{{ 'ß ﬁ ŉ'.upper() }}{{ 'ΣΑΣ'.lower() }}{{ 'ǆ'.title() }}{{ 'İ'.lower()|length }}", "SS FI ʼNσαςǅ2")]
    [InlineData("{% for c in 'a\U0001d4b3' %}[{{ c }}]{% endfor %}{{ 'a\U0001d4b3'|list }}", "[a][\U0001d4b3]['a', '\U0001d4b3']")]
    [InlineData("{{ '\\u4f60\\x41\\101\\U0001F600' }}{{ '你'|tojson }}{{ 'a\\x85b\\xa0c'.split() }}", "你AA\U0001f600\"你\"['a', 'b', 'c']")]
    public void Letters_are_code_points(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ l[::-1] }}{{ l[-1] }}{{ l[1:] }}{{ l[:-1] }}{{ l[-100:100:2] }}{{ l[100:-100:-2] }}{{ l[5:2] }}",
        "[2, 1, 3]2[1, 2][3, 1][3, 2][2, 3][]")]
    [InlineData(
        "{{ 'abcdef'[1:4] }}{{ 'abcdef'[-2:] }}{{ 'abcdef'[::-2] }}{{ (1, 2, 3)[1:] }}{{ range(5)[1:3]|list }}",
        "bcdeffdb(2, 3)[1, 2]")]
    [InlineData("{{ l[10] }}|{{ 'abc'[10] }}|{{ d['no'] }}|{{ messages[0].no }}|{{ messages.0.role }}", "||||user")]
    public void Indexes_and_slices_count_from_either_end(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2.5 % 2 }}",
        "-4 2 -2 3.5 2.0 1024 0.5 1.5")]
    [InlineData(
        "{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 10 % 3 * 2 }} {{ 2 ** 100 }} {{ 1_000 + 0x1F + 0b11 + 0o17 }}",
        "64 4 2 1267650600228229401496703205376 1049")]
    [InlineData(
        "{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 1.5e-7 }} {{ 0.0001 }} {{ 100.0 }} {{ -0.0 }} {{ 5e-324 }}",
        "0.30000000000000004 1e+16 1000000000000000.0 1.5e-07 0.0001 100.0 -0.0 5e-324")]
    [InlineData(
        "{{ '3.7'|int }} {{ 'x'|int(9) }} {{ '0x1f'|int(0, 16) }} {{ '1.5'|float }} {{ 2.675|round(2) }} {{ 2.5|round }} {{ 2.1|r"
            + "ound(0, 'ceil') }}",
        "3 9 31 1.5 2.67 2.0 3.0")]
    [InlineData(
        "{{ true + 1 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 != 2 != 1 }}",
        "2 True True True False True")]
    public void Numbers_are_Pythons(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ t }} {{ nn }} {{ l }} {{ d }} {{ (1,) }} {{ () }} {{ {} }} {{ [none, 1.0, {'a': ()}] }}",
        "True None [3, 1, 2] {'b': 1, 'a': 2, 'C': 0} (1,) () {} [None, 1.0, {'a': ()}]")]
    [InlineData(
        "{{ [\"a'b\", 'q\"q', 'both\\'\"', \"\\n\\t\\\\\", \"é\", \"\\x01\", \"\\u200b\"] }}",
        "[\"a'b\", 'q\"q', 'both\\'\"', '\\n\\t\\\\', 'é', '\\x01', '\\u200b']")]
    [InlineData(
        "{{ range(3) }} {{ d.items() }} {{ d.keys() }} {{ undefined_name }}|{{ [undefined_name] }}",
        "range(0, 3) dict_items([('b', 1), ('a', 2), ('C', 0)]) dict_keys(['b', 'a', 'C']) |[Undefined]")]
    public void What_is_printed_is_Pythons_str(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ l|sort }}{{ l|sort(reverse=true) }}{{ words|sort }}{{ words|sort(case_sensitive=true) }}{{ l|min }}{{ l|max }}{{ l|su"
            + "m }}",
        "[1, 2, 3][3, 2, 1]['A', 'a', 'b', 'c']['A', 'a', 'b', 'c']136")]
    [InlineData(
        "{{ words|map('upper')|join('-') }}{{ messages|map(attribute='role')|list }}{{ messages|map(attribute='no', default=0)|li"
            + "st }}",
        "B-A-C-A['user', 'tool', 'assistant'][0, 0, 0]")]
    [InlineData(
        "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}{{ messages|rejectattr('role', 'in', ['user'])|map(attri"
            + "bute='role')|list }}",
        "1['tool', 'assistant']")]
    [InlineData("{{ l|select('odd')|list }}{{ l|reject('gt', 1)|list }}{{ [0, 1, '', none]|select|list }}", "[3, 1][1][1]")]
    [InlineData(
        "{{ d|dictsort }}{{ d|dictsort(by='value') }}{{ d|items|list }}{{ d|length }}{{ d|list }}",
        "[('a', 2), ('b', 1), ('C', 0)][('C', 0), ('b', 1), ('a', 2)][('b', 1), ('a', 2), ('C', 0)]3['b', 'a', 'C']")]
    [InlineData(
        "{{ l|first }}{{ l|last }}{{ l|reverse|list }}{{ 'abc'|reverse }}{{ [1, 1.0, true, 2]|unique|list }}{{ l|batch(2, '-')|li"
            + "st }}",
        "32[2, 1, 3]cba[1, 2][[3, 1], [2, '-']]")]
    [InlineData(
        "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(1, blank=true) }}",
        "a\n    b\n\n    c|  a\n  b|a\n \n b")]
    [InlineData(
        "{{ nn|default('x') }}{{ nn|default('x', true) }}{{ no|d('x') }}{{ nn|string|length }}{{ 5|trim ~ 5|upper }}",
        "Nonexx455")]
    [InlineData("{{ \"<a>&'\"|e }}{{ \"<\"|e|e }}{{ (\"<\"|e) + \"<\" }}{{ (\"<\"|safe) ~ \"<\" }}", "&lt;a&gt;&amp;&#39;&lt;&lt;&lt;<<")]
    [InlineData(
        "{{ messages|groupby('role')|map('first')|list }}{{ 'the quick brown fox'|truncate(12, leeway=0) }}{{ 'a b c'|wordcount }"
            + "}",
        "['assistant', 'tool', 'user']the...3")]
    public void The_filters_give_what_those_of_Jinja_give(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ messages[2]|tojson }}",
        "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"a\": 1,"
            + " \"b\": [1.5, true, null, \"x\\\"y你\"]}}}]}")]
    [InlineData(
        "{{ d|tojson(indent=2) }}{{ []|tojson(indent=2) }}{{ d|tojson(separators=(',', ':')) }}{{ d|tojson(sort_keys=true) }}",
        "{\n  \"b\": 1,\n  \"a\": 2,\n  \"C\": 0\n}[]{\"b\":1,\"a\":2,\"C\":0}{\"C\": 0, \"a\": 2, \"b\": 1}")]
    [InlineData(
        "{{ \"<é\\u2028\\x7f\\\"\\\\>\"|tojson }}{{ \"é\U0001d4b3\"|tojson(ensure_ascii=true) }}",
        "\"<é\u2028\u007f\\\"\\\\>\"\"\\u00e9\\ud835\\udcb3\"")]
    [InlineData("{{ {1: 1.0, none: 1e20, true: (1, 2)}|tojson }}", "{\"1\": [1, 2], \"null\": 1e+20}")]
    public void tojson_is_that_of_transformers(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{{ n is odd }}{{ n is divisibleby 7 }}{{ t is number }}{{ t is integer }}{{ 1.5 is float }}{{ d is mapping }}{{ d is seq"
            + "uence }}",
        "TrueTrueTrueFalseTrueTrueTrue")]
    [InlineData(
        "{{ 'a' is iterable }}{{ n is iterable }}{{ no is iterable }}{{ nn is none }}{{ no is defined }}{{ d.zz is undefined }}{{"
            + " t is true }}",
        "TrueFalseTrueTrueFalseTrueTrue")]
    [InlineData(
        "{{ n is eq 7 }}{{ n is not in [7] }}{{ n is gt 3 and n is lt(8) }}{{ 'abc' is lower }}{{ 'trim' is filter }}{{ range is "
            + "callable }}{{ not n is odd }}",
        "TrueFalseTrueTrueTrueTrueFalse")]
    public void The_tests_say_what_those_of_Jinja_say(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData("{{ 'a' ~ 1 ~ none ~ 2.0 ~ no }}{{ 1 ~ 2 + 3 ~ 4 }}", "a1None2.01234")]
    [InlineData("{{ -7|abs }}{{ n + 1|string|int }}{{ l|length - 1 }}{{ 'a' if n == 7 and t else 'b' }}{{ 'a' if not t }}", "782a")]
    [InlineData(
        "{{ t and 'x' or 'y' }}{{ '' or 0 or 'z' }}{{ 'x' in 'xyz' }}{{ 1 not in l }}{{ 'a' in d }}{{ [1] + [2] }}{{ 'ab' * 2 }}{"
            + "{ [0] * 2 }}",
        "xzTrueFalseTrue[1, 2]abab[0, 0]")]
    [InlineData("{{ 1 if false else 2 if false else 3 }}{{ (1 if false) is defined }}{{ 1, 2 }}", "3False(1, 2)")]
    public void Operators_bind_as_in_Jinja(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{% for x in l %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }"
            + "};{% endfor %}",
        "12TrueFalse1;21FalseFalse32;30FalseTrue1;")]
    [InlineData(
        "{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}{% for x in [] %}{% else %}none{% endfor"
            + " %}",
        "1/2:3 2/2:2 none")]
    [InlineData("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "023")]
    [InlineData(
        "{% for i in l %}{{ i }}{% for j in [] %}{% else %}a{% if i == 1 %}{% break %}{% endif %}b{% endfor %}x{% endfor %}!",
        "3abx1a!")]
    [InlineData("{% for i in l %}{{ i }}{% for j in [] %}{% else %}{% continue %}{% endfor %}x{% endfor %}!", "312!")]
    [InlineData("{% for i in l %}{% break %}{% else %}a{% endfor %}{% for i in l %}{% continue %}{% else %}b{% endfor %}", "ab")]
    [InlineData("{% for i in l %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% else %}c{% endfor %}", "31")]
    [InlineData(
        "{% for i in l %}{{ i }}{% set s %}a{% if i == 1 %}{% continue %}{% endif %}b{% endset %}x{{ s }}{% endfor %}!",
        "3xab12xab!")]
    [InlineData("{% for i in l %}{{ i }}{% filter upper %}a{% if i == 1 %}{% break %}{% endif %}b{% endfilter %}x{% endfor %}!", "3ABx1!")]
    [InlineData(
        "{% for x in [1, [2, [3]]] recursive %}{{ x if x is number else '(' ~ loop(x) ~ ')' }}@{{ loop.depth }}{% endfor %}",
        "1@1(2@2(3@3)@2)@1")]
    [InlineData(
        "{% for (a, b), c in [[[1, 2], 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for k, v in d.items() %}{{ k }}{{ v }}{{ loop.cy"
            + "cle('-', '+') }}{% endfor %}",
        "123b1-a2+C0-")]
    public void Loops_know_where_they_are(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData("{% set x = 0 %}{% for i in l %}{{ x }}{% set x = x + i %}{% endfor %}{{ x }}", "0000")]
    [InlineData(
        "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y is defined }}",
        "6False")]
    [InlineData("{% if t %}{% set q = 1 %}{% endif %}{{ q }}{% with a = 1 %}{{ a }}{% set q = 2 %}{% endwith %}{{ q }}{{ a }}", "111")]
    [InlineData("{% macro m() %}{{ later }}{% set x = 1 %}{% endmacro %}{% set later = 5 %}{{ m() }}{{ x is defined }}", "5False")]
    [InlineData(
        "{% set a, b = 1, 2 %}{{ b }}{% set c %}[{{ a }}]{% endset %}{{ c }}{% set c | upper | trim %} a {% endset %}{{ c }}",
        "2[1]A")]
    [InlineData("{% generation %}a{% set in = 1 %}{% endgeneration %}{{ in is defined }}", "aFalse")]
    public void Names_live_where_Jinja_lets_them(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData(
        "{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(b=1, a=2) }}{{ m() }}{{ m.name }}{{ m.arguments }}",
        "[1x][21][x]m('a', 'b')")]
    [InlineData(
        "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(4) }}{% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, x=2) }"
            + "}{{ v(*[1, 2]) }}",
        "4(1,){'x': 2}(1, 2){}")]
    [InlineData("{% macro m(t) %}<{{ t }}>{{ caller(1) }}{% endmacro %}{% call(x) m('b') %}in{{ x }}{{ n }}{% endcall %}", "<b>in17")]
    [InlineData(
        "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}{% filter upper %}a{{ f(1) }}b{% e"
            + "ndfilter %}",
        "54321A1B")]
    public void Macros_take_arguments_and_callers(string template, string text) => Assert.Equal(text, Render(template));

    [Theory]
    [InlineData("a\n    {% if t %}\n  b\n    {% endif %}\nc\n", "a\n  b\nc")]
    [InlineData("a\n\n", "a\n")]
    [InlineData("x\n  {{ n }}\n {{- n -}} \n  y", "x\n  77y")]
    [InlineData("a {%+ if t +%}\n b{% endif +%}\n c", "a \n b\n c")]
    [InlineData("  {% raw %}\n  {{ x }} {% endraw %}\n b", "\n  {{ x }}  b")]
    [InlineData("{% raw -%}\n a\n  {%- endraw +%}\n b", "a\n b")]
    [InlineData("{#- c -#}\n x {# y #}\n  {# z #}\nq", "x q")]
    [InlineData("\r\na\rb\n{% if t %}\r\nx{% endif %}\r\n", "\na\nb\nx")]
    [InlineData("{% for x in l -%}\n  {{ x }}\n{% endfor -%}\n  end", "3\n1\n2\nend")]
    [InlineData("{{ '}}' }}{{ '%}' }}{{ {'a': {'b': 1}}['a']['b'] }}", "}}%}1")]
    [InlineData("a\u00a0\n\u00a0{% if t %}b{% endif %}", "a\u00a0\nb")]
    [InlineData("  {% if t %}a{% endif %}  {% if t %}b{% endif %}\n", "a  b")]
    [InlineData("{%- if t -%}\n\n a {%- endif %}", "a")]
    [InlineData("{{ n }} {% if t %}\n{{ n }}\n  {% endif %}\n{{ n }}\n", "7 7\n7")]
    public void Newlines_and_blanks_go_where_trim_blocks_and_lstrip_blocks_take_them(string template, string text) =>
        Assert.Equal(text, Render(template));

    [Theory]
    [InlineData("{{ no + 1 }}", "'no' is undefined")]
    [InlineData("{{ 'x' + no }}", "'no' is undefined")]
    [InlineData("{{ no.foo }}", "'no' is undefined")]
    [InlineData("{{ d.foo.bar }}", "'dict object' has no attribute 'foo'")]
    [InlineData("{{ d['foo']['bar'] }}", "'dict object' has no attribute 'foo'")]
    [InlineData("{{ nn.foo.bar }}", "'None' has no attribute 'foo'")]
    [InlineData("{{ n.foo.bar }}", "'int object' has no attribute 'foo'")]
    [InlineData("{{ l[10].x }}", "list object has no element 10")]
    [InlineData("{{ no() }}", "'no' is undefined")]
    [InlineData("{{ n() }}", "'int' object is not callable")]
    [InlineData("{{ s.nope() }}", "'str object' has no attribute 'nope'")]
    [InlineData("{{ 'a' + 1 }}", "can only concatenate str (not \"int\") to str")]
    [InlineData("{{ 1 + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'")]
    [InlineData("{{ [1] + 'a' }}", "can only concatenate list (not \"str\") to list")]
    [InlineData("{{ 'a' < 1 }}", "'<' not supported between instances of 'str' and 'int'")]
    [InlineData("{{ nn < 1 }}", "'<' not supported between instances of 'NoneType' and 'int'")]
    [InlineData("{{ 1 in 5 }}", "argument of type 'int' is not iterable")]
    [InlineData("{{ 1 / 0 }}", "division by zero")]
    [InlineData("{{ no|tojson }}", "Object of type Undefined is not JSON serializable")]
    [InlineData("{{ d.items()|tojson }}", "Object of type dict_items is not JSON serializable")]
    [InlineData("{% for a in nn %}{% endfor %}", "'NoneType' object is not iterable")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", "not enough values to unpack (expected 2, got 1)")]
    [InlineData("{% set x = {} %}{% set x.y = 1 %}", "cannot assign attribute on non-namespace object")]
    [InlineData("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "macro 'm' takes not more than 1 argument(s)")]
    [InlineData("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "macro 'm' takes no keyword argument 'b'")]
    [InlineData("{{ 'a'.__class__.x }}", "access to attribute '__class__' of 'str' object is unsafe.")]
    [InlineData("{{ l.append(1) }}", "access to attribute 'append' of 'list' object is unsafe.")]
    [InlineData("{{ d.pop('a') }}", "access to attribute 'pop' of 'dict' object is unsafe.")]
    [InlineData("{{ [0]|first.x }}", "No filter named 'first.x'.")]
    [InlineData("{{ n|nofilter }}", "No filter named 'nofilter'.")]
    [InlineData("{{ n is notest }}", "No test named 'notest'.")]
    [InlineData("{{ (l|select)|length }}", "object of type 'generator' has no len()")]
    [InlineData("{{ (l|select)[1:] }}", "'generator' object is not subscriptable")]
    [InlineData("{{ range(1000000) }}", "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).")]
    [InlineData("{{ raise_exception('No ' ~ n) }}", "No 7")]
    [InlineData("{{ ','.join([1]) }}", "sequence item 0: expected str instance, int found")]
    [InlineData("{{ '%d' % 'a' }}", "%d format: a real number is required, not str")]
    public void What_Python_refuses_is_refused_in_its_words(string template, string words)
    {
        var fault = Assert.Throws<TemplateException>(() => Render("\n" + template));
        Assert.Equal((words, 2), (fault.Words, fault.Line));
        Assert.EndsWith("(line 2 of the chat template)", fault.Message);
    }

    [Fact]
    public void A_generator_is_always_true_and_gone_through_once()
    {
        Assert.Equal("yes", Render("{% if messages|selectattr('role', 'eq', 'nobody') %}yes{% endif %}"));
        Assert.Equal("[3, 1][]", Render("{% set g = l|reject('eq', 2) %}{{ g|list }}{{ g|list }}"));
    }

    [Fact]
    public void The_time_is_the_one_that_it_is_given() => Assert.Equal("04 Jul 2026, Saturday 12:30 PM 4 185",
        Render("{{ strftime_now('%d %b %Y, %A %H:%M %p %-d %j') }}"));

    private static string Render(string template)
    {
        using var variables = JsonDocument.Parse(Variables);
        return new JinjaTemplate(template).Render(variables.RootElement.EnumerateObject().Select(name => KeyValuePair.Create(name.Name,
            JsonValues.Read(name.Value))),
            new DateTimeOffset(2026, 7, 4, 12, 30, 0, TimeSpan.Zero)).Value;
    }
}
