using System.Text.Json;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>Texts, prompts, rows and their order by hand: the files of goldens/tokenizer, goldens/preprocess and goldens/trainer.</summary>
internal static class OwnTexts
{
    private const string Corpus = """
        Below is an instruction that describes a task , paired with an input that provides further context . Write a response that appropriately completes the request .
        ### Instruction: ### Input: ### Response: who are you ? what is your name ? I am a small pebble and I answer questions . what is one plus two ? three .
        你 是 谁 ？ 我是 一个 小 模型 。 把 下面 的 句子 翻译 成 中文 ： 我 喜欢 苹果 。 the parrots said that the water is cold , and the stones are warm in the sun
        """;

    private static readonly NaiveSentencePiece s_tokenizer = NaiveSentencePiece.Train(Corpus.Replace('\n', ' '), merges: 160);

    /// <summary>
    /// The forms of Stanford Alpaca, of BayLing's first turn, and the headings alone, with what their two fields are put into.
    /// </summary>
    private static readonly Dictionary<string, (string WithInput, string Without)> s_forms = new()
    {
        ["alpaca"] = (
            "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that "
                + "appropriately completes the request."
                + "\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### "
                + "Instruction:\n{instruction}\n\n### Response:\n"),
        ["bayling"] = (
            "I am an intelligent language assistant developed by the NLP Group of ICT/CAS.\nBelow is a dialog consisting of instructions "
                + "and responses. "
                + "Write a response that completes the request.\n\n### Instruction:\n{instruction} {input}\n### Response:\n",
            "I am an intelligent language assistant developed by the NLP Group of ICT/CAS.\nBelow is a dialog consisting of instructions "
                + "and responses. "
                + "Write a response that completes the request.\n\n### Instruction:\n{instruction}\n### Response:\n"),
        ["plain"] = ("### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n",
            "### Instruction:\n{instruction}\n\n### Response:\n"),
    };

    private static readonly (string Instruction, string? Input, string? Output)[] s_records =
    [
        ("Who are you?", "", "I am a small pebble."),
        ("Translate the sentence.", "我喜欢苹果。", "I like apples."),
        ("What is one plus two?", null, "three"),
        ("An input of spaces is one.", "  ", "yes  \n"),
        ("No output", "", null),
        ("Nothing", "", ""),
        ("Braces {input} and </s> are typed", "<s>{instruction}", "they stay</s>"),
        ("Long", "", string.Join(' ', Enumerable.Repeat("the water is cold and the stones are warm", 12))),
        ("🦜 naïve\ttabs\r\nand lines", "", "  leading spaces 🙂"),
    ];

    public static IEnumerable<string> Templates => s_forms.Keys;

    public static void WriteTokenizer(string folder)
    {
        Directory.CreateDirectory(folder);
        s_tokenizer.Save(Path.Combine(folder, "tokenizer.model"));
        string[] texts =
        [
            "", " ", "  two  spaces ", "Who are you? What is your name?", "你是谁？我是一个小模型。", "把下面的句子翻译成中文：我喜欢苹果。",
            "the parrots\n\n\tsaid: 🦜👩‍🔬 naïve",
            "ooo oooo ooooo the the thethe", "▁marks▁▁ of spaces", "### Instruction:\nWrite a response.\n\n### Response:\n",
            "e\u0301 ﬁ \u00a0\u3000\ufeff", "\u0000\u0007\u001b[31m",
        ];
        File.WriteAllText(Path.Combine(folder, "roundtrip.json"), JsonSerializer.Serialize(new
        {
            cases = texts.Select(text => Case(text, text.Replace('▁', ' '), s_tokenizer.Encode(text)))
                // By hand: what follows a special token has a space of its own, and a stretch that a special token ends is shown behind a
                // space.
                .Append(Case("Hello</s>you", "Hello you", s_tokenizer.EncodeLegacy("Hello</s>you"), "<s> Hello</s>you", "Hello</s>you"))
                .Append(Case("<unk>", "", [0], "<s><unk>", "<unk>")),
            decode_only = new[] { new[] { 3 + 0xe4, 3 + 0xbd, 3 + 0xa0 }, [3 + 0xff, 3 + 'A'], [3 + 0xe4, 3 + 0xbd, 3 + 'B', 3 + 0x80] }
                .Select(ids => new { ids, decoded = s_tokenizer.Decode(ids), decoded_with_special = s_tokenizer.Decode(ids) }),
        }));
    }

    /// <summary>The slow tokenizer takes one more space from a first token than SentencePiece does.</summary>
    private static object Case(string text, string decoded, int[] ids, string? withSpecial = null, string? plain = null) => new
    {
        text,
        ids,
        decoded = decoded.StartsWith(' ') ? decoded[1..] : decoded,
        decoded_with_special = withSpecial ?? "<s>" + decoded,
        sp_ids = s_tokenizer.Encode(plain ?? text),
        sp_decoded = plain ?? decoded,
    };

    public static void WritePreprocess(string template, string file)
    {
        var (withInput, without) = s_forms[template];
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            template = new { description = "", prompt_input = withInput, prompt_no_input = without, response_split = "### Response:" },
            records = s_records.Select(record => new { instruction = record.Instruction, input = record.Input, output = record.Output }),
            prompts = s_records.Select(record => new { full = Prompt(template, record) + record.Output, user = Prompt(template, record) }),
            runs = from cutoff in new[] { 512, 128, 40 }
                   from trainOnInputs in new[] { false, true }
                   from addEos in new[] { false, true }
                   select new
                   {
                       cutoff_len = cutoff,
                       train_on_inputs = trainOnInputs,
                       add_eos_token = addEos,
                       rows = s_records.Select(record => Row(Prompt(template, record), record.Output, cutoff, trainOnInputs, addEos))
                           .Select(row => new { input_ids = row.Ids, attention_mask = row.Ids.Select(_ => 1), labels = row.Labels }),
                   },
        }));
    }

    public static void WriteCollated(string template, string file)
    {
        int[][] batches = [[0], [1, 2, 7], [3, 4, 5, 6, 8]];
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            batches = batches.Select(records =>
            {
                var rows = records.Select(record => Row(Prompt(template, s_records[record]), s_records[record].Output, 512, false, false))
                    .ToArray();
                var width = (rows.Max(row => row.Ids.Length) + 7) / 8 * 8;
                int[][] Padded(Func<NaiveRow, IEnumerable<int>> part, int pad) =>
                    [.. rows.Select(row => Enumerable.Repeat(pad, width - row.Ids.Length).Concat(part(row)).ToArray())];
                return new
                {
                    records,
                    input_ids = Padded(row => row.Ids, 0),
                    attention_mask = Padded(row => row.Ids.Select(_ => 1), 0),
                    labels = Padded(row => row.Labels, -100)
                };
            }),
        }));
    }

    /// <summary>
    /// transformers' group_by_length: mega-batches of a random order, each longest first; the longest row of all at the very front.
    /// </summary>
    public static void WriteGroupedByLength(string file)
    {
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            cases = new[] { (Rows: 50, Batch: 4), (Rows: 7, Batch: 4), (Rows: 501, Batch: 2), (Rows: 1, Batch: 8) }.Select(one =>
            {
                var random = new Random(one.Rows);
                int[] lengths = [.. Enumerable.Range(0, one.Rows).Select(_ => random.Next(5, 60))], order =
                    [.. Enumerable.Range(0, one.Rows)];
                random.Shuffle(order);
                var megabatch = Math.Max(1, Math.Min(one.Rows / (4 * one.Batch), 50)) * one.Batch;
                var groups = order.Chunk(megabatch).Select(group => group.OrderByDescending(row => lengths[row]).ToArray()).ToArray();
                var longest = groups.MaxBy(group => lengths[group[0]])!;
                (groups[0][0], longest[0]) = (longest[0], groups[0][0]);
                return new { lengths, randperm = order, batch_size = one.Batch, indices = groups.SelectMany(group => group) };
            }),
        }));
    }

    private static string Prompt(string template, (string Instruction, string? Input, string? Output) record)
    {
        var form = string.IsNullOrEmpty(record.Input) ? s_forms[template].Without : s_forms[template].WithInput;
        var parts = form.Split("{instruction}");
        return parts[0] + record.Instruction + string.Join(record.Input, parts[1].Split("{input}"));
    }

    /// <summary>alpaca-lora's generate_and_tokenize_prompt.</summary>
    private static NaiveRow Row(string prompt, string? output, int cutoff, bool trainOnInputs, bool addEos)
    {
        List<int> Tokens(string text, bool eos)
        {
            List<int> ids = [.. s_tokenizer.EncodeLegacy(text).Prepend(1).Take(cutoff)];
            if (eos && ids.Count < cutoff && ids[^1] != 2)
            {
                ids.Add(2);
            }
            return ids;
        }
        var row = Tokens(prompt + output, eos: true);
        var masked = trainOnInputs ? 0 : Tokens(prompt, addEos).Count - (addEos ? 1 : 0);
        return new([.. row], [.. row.Select((id, i) => i < masked ? -100 : id)]);
    }
}
