using System.Text;
using System.Text.Json;

namespace LoraAspire.Tests.Prompts;

/// <summary>
/// The tokenizer of a small base by hand: a byte is its own id, two line breaks are 256, and added tokens count on from 300 in the order
/// given. A trailing "~" in an added token's text makes it one that isn't special, a "_" one that takes the white space after it.
/// </summary>
internal static class ChatBase
{
    public const int TwoBreaks = 256, FirstAdded = 300;

    public const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    public const string Llama3 =
        "{% for m in messages %}{% set c = '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content|trim + '<|eot_id|>' %}"
        + "{% if loop.first %}{% set c = bos_token + c %}{% endif %}{{ c }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

    private const string Words =
        @"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static string Save(string folder, string? template, string? bos, string eos, params string[] added)
    {
        Directory.CreateDirectory(folder);
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(Letter, value => value);
        vocabulary[Letter('\n') + Letter('\n')] = TwoBreaks;
        Write("tokenizer.json", new
        {
            added_tokens = added.Select((token, i) => new
            {
                id = FirstAdded + i,
                content = token.TrimEnd('~', '_'),
                special = !token.EndsWith('~'),
                rstrip = token.EndsWith('_'),
            }),
            pre_tokenizer = new
            {
                type = "Sequence",
                pretokenizers = new object[]
                {
                    new { type = "Split", pattern = new { Regex = Words }, behavior = "Isolated", invert = false },
                    new { type = "ByteLevel", add_prefix_space = false, use_regex = false },
                },
            },
            model = new { type = "BPE", vocab = vocabulary, merges = new[] { $"{Letter('\n')} {Letter('\n')}" } },
        });
        Write("tokenizer_config.json", new { bos_token = bos, eos_token = eos, add_bos_token = bos is not null, chat_template = template });
        return folder;

        void Write(string name, object content) => File.WriteAllText(Path.Combine(folder, name), JsonSerializer.Serialize(content));
    }

    /// <summary>The ids of a text in which "[300]" stands for that id, and "\n\n" is one.</summary>
    public static List<int> Ids(string text)
    {
        List<int> ids = [];
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '[' && text.IndexOf(']', i) is var end and > 0 && int.TryParse(text[(i + 1)..end], out var id))
            {
                ids.Add(id);
                i = end;
            }
            else if (text[i] == '\n' && i + 1 < text.Length && text[i + 1] == '\n')
            {
                ids.Add(TwoBreaks);
                i++;
            }
            else
            {
                ids.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()).Select(value => (int)value));
            }
        }
        return ids;
    }

    /// <summary>GPT-2's letter of a byte.</summary>
    private static string Letter(int value)
    {
        static bool Printable(int some) => some is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return ((char)(Printable(value) ? value : 0x100 + Enumerable.Range(0, value).Count(before => !Printable(before)))).ToString();
    }
}
