using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Identity;
using LoraAspire.DataBuild.Records;
using LoraAspire.DataBuild.Written.Parsing;
using LoraAspire.Pipelines.Stages.DataSources;
using Microsoft.Extensions.AI;

namespace LoraAspire.DataBuild.Written;

/// <summary>Questions that people ask a model about itself, with its answers, in one language.</summary>
internal sealed record IdentityAssignment(SelfCognitionSource Self, bool InChinese, int Count)
    : Assignment<InstructionRecord>($"self_cognition, {(InChinese ? "Chinese" : "English")} records", Count, AtOnce: 10,
        ChatResponseFormat.ForJsonSchema<AnswerBySchema<QuestionAndAnswer>>(schemaName: "records"))
{
    private const int Shown = 20;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override string System(bool bySchema) => InChinese
        ? "你为一个对话助手编写训练数据。只用 JSON 对象回答，不写其他内容。"
        : "You write training data for a chat assistant. Answer with JSON objects and nothing else.";

    private QuestionAndAnswer[] Examples => InChinese
        ? [new("你叫什么名字？", $"我叫{Self.Name}，是一个人工智能助手。"), new("是谁开发了你？", $"我是{Self.Name}，由{Self.Developer}开发。")]
        : [new("What is your name?", $"My name is {Self.Name}, and I am an AI assistant."),
            new("Who developed you?", $"I am {Self.Name}, and I was developed by {Self.Developer}.")];

    private string[] Facts(string name, string developer, string abilities, string languages, string comma) =>
    [
        name + Self.Name, developer + Self.Developer,
        .. Self.Abilities.Count > 0 ? new[] { abilities + string.Join(comma, Self.Abilities) } : [],
        .. Self.Languages.Count > 0 ? new[] { languages + string.Join(comma, Self.Languages) } : [],
    ];

    public override string Task => string.Join('\n', InChinese
        ?
        [
            .. Facts("助手的名字：", "开发者：", "能力：", "语言：", "、"), "", "例子：", .. Examples.Select(Line), "",
            "请写更多的例子：用户询问助手的身份、名字、开发者或能力，助手回答。每个例子是一行 JSON 对象，有 instruction（用户的问题）和 output（助手的回答）两个键。",
            $"规则：问题和回答都用中文；名字和开发者照原样写；不留待填的占位符；不说自己是其他模型或来自其他公司；问法和语气要多样；每个回答里都要有“{Self.Name}”或“{Self.Developer}”，问到身份时要有前者，问到开发者时要有后者。",
        ]
        :
        [
            .. Facts("The assistant's name: ", "Its developer: ", "What it can do: ", "What it speaks: ", ", "), "", "Examples:",
            .. Examples.Select(Line), "",
            "Write more of them: a user asks the assistant who it is, what it is called, who made it or what it can do, and the "
                + "assistant answers. Each is a JSON object on a line of its own with the keys instruction (what the user says) and "
                + "output (what the assistant answers).",
            $"Rules: questions and answers in English; name and developer exactly as given; no placeholder to be filled in later; never "
                + $"another model's name or maker as the assistant's own; vary wording and tone; every answer says \"{Self.Name}\" or "
                + $"\"{Self.Developer}\": the former where the user asks who it is, the latter where the user asks who made it.",
        ]);

    /// <summary>Our own bank, too: its records are in the data anyway.</summary>
    public override IEnumerable<string> ExampleKeys =>
        Examples.Select(example => new InstructionRecord(example.Instruction, "", example.Output))
            .Concat(new IdentityBank(Self, InChinese).All()).Select(Key);

    public override string Ask(int count, IReadOnlyList<InstructionRecord> have)
    {
        var asked = have.TakeLast(Shown).Select(record => $"- {record.Instruction}");
        return have.Count == 0
            ? InChinese ? $"请写 {count} 个。" : $"Write {count}."
            : InChinese ? $"已经有这些问题：\n{string.Join('\n', asked)}\n请再写 {count} 个不同的。"
            : $"These questions are there already:\n{string.Join('\n', asked)}\nWrite {count} others.";
    }

    public override ReadAnswer<InstructionRecord> Read(string answer, bool cutOff) => RecordReader.Read(answer);

    public override string? Problem(InstructionRecord item) => IdentityCheck.WrittenProblem(item, Self, InChinese);

    public override string Key(InstructionRecord item) => $"{Same(item.Instruction)}|{Same(item.Input)}|{Same(item.Output)}";

    private static string Line(QuestionAndAnswer example) => JsonSerializer.Serialize(example, Json);
}

/// <summary>A record by schema; its input is always empty.</summary>
internal sealed record QuestionAndAnswer(string Instruction, string Output);
