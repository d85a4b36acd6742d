using System.Text;
using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Prompts.Jinja;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Chat templates: programs of strangers, that are run.</summary>
internal static class TemplateTargets
{
    private const string Chat = """
        {%- set ns = namespace(last=0, text='') %}
        {%- macro show(content, sep=', ') -%}
            {%- if content is string -%}{{ content|trim }}{%- elif content is iterable and content is not mapping -%}
                {%- for part in content if part.type == 'text' -%}{{ part.text ~ sep }}{%- endfor -%}
            {%- endif -%}
        {%- endmacro -%}
        {% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages[::-1]|reverse|list %}{% endif %}
        {% for m in rest %}
            {% if loop.index0 % 2 == 1 and loop.last %}{% set ns.last = loop.index0 %}{% continue %}{% endif %}
            {{- '<|' + m['role'] + '|>\n' + show(m.content, sep='; ') + eos_token -}}
            {% generation %}{{ (m.content|string).split('</think>')[-1].lstrip('\n').replace('a', 'b')|upper }}{% endgeneration %}
        {% endfor %}
        {% if tools %}{{ tools|tojson(indent=2) }}{{ tools|selectattr('type', 'equalto', 'function')|map(attribute='function.name')|join(', ') }}{% endif %}
        {% if not add_generation_prompt is defined %}{{ raise_exception('no ' ~ ns.last) }}{% else %}<|assistant|>{% endif %}
        """;
    private const string Language = """
        {% for k, v in {'a': 1, 'b': [1.5, none, true]}.items() recursive %}{{ loop.cycle('x', 'y') }}{{ k.center(9, '*') }}{{ [v]|list|length ** 2 // 3 % 2 }}{% endfor %}
        {% macro caller_of() %}{{ caller(range(3)|list|sort(reverse=true)) }}{% endmacro %}{% call(x) caller_of() %}{{ x }}{% endcall %}
        {{ '%s %05.2f' % ('a', 2.5) }}{{ '{:>8}{x!r}'.format(1, x='q') }}{{ 'a,b'.split(',', 1)|map('title')|join('-') }}{% filter indent(2) %}a
        b{% endfilter %}{% raw %}{{ x }}{% endraw %}{# c #}{{ 1 if 1 < 2 <= 3 else 0x1F }}{{ [3, 1]|sum(start=1) }}{{ "\u00e9"|e ~ 'x'[-1:] }}
        """;

    private static readonly string[] s_words =
    [
        "{% for x in messages %}", "{% endfor %}", "{% if x %}", "{% endif %}", "{{", "}}", "{%-", "-%}", "{% set x = ", "namespace(",
            "|tojson", "|list", "|map('", "is not ", "range(", "loop(",
        "{% macro m() %}", "{{ m() }}", " * 999999999", " ** 99999", "[::-1]", "~", "'a'.", ".replace('', 'aa')", ".format(", "{% raw %}",
            "{#", "\\u", "|sort", "|batch(", "|int",
    ];

    public static IEnumerable<Target> In(Scratch scratch)
    {
        using var messages = JsonDocument.Parse(
            """[{"role": "user", "content": "  a 😀"}, {"role": "assistant", "content": [{"type": "text", "text": "t"}], "n": 1e400}]""");
        List<ChatMessage> conversation = [.. messages.RootElement.EnumerateArray().Select(ChatMessage.FromJson)];
        var tools = JsonDocument.Parse(
            """[{"type": "function", "function": {"name": "f", "parameters": {"a": [1, 2.5, null]}}}]""").RootElement.Clone();
        Dictionary<string, string> tokens = new() { ["eos_token"] = "</s>" };
        yield return new("chat-template", () => [AllTargets.Utf8(Chat), AllTargets.Utf8(Language)], bytes =>
        {
            ChatTemplate template = new(Encoding.UTF8.GetString(bytes), tokens);
            template.ForTraining(conversation, tools, new() { Now = DateTimeOffset.UnixEpoch });
        }, typeof(TemplateException))
        { Words = s_words };

        var folder = scratch.Folder("chat-template-config");
        yield return new("chat-template-config",
            () => [AllTargets.Utf8(
                """{"bos_token": {"content": "<s>"}, "chat_template": [{"name": "default", "template": "{{ bos_token }}x"}]}""")], bytes =>
        {
            Scratch.Write(folder, "tokenizer_config.json", bytes);
            ChatTemplateFile.Load(folder)?.Render(conversation, tools);
        }, typeof(ModelException), typeof(TemplateException))
        { Words = AllTargets.JsonWords };
    }
}
