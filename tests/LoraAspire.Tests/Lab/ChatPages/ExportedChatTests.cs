using System.Text.Json.Nodes;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Requests;
using LoraAspire.Lab.ChatPages;

namespace LoraAspire.Tests.Lab.ChatPages;

public sealed class ExportedChatTests
{
    private static readonly Conversation s_chat = new Conversation("one")
    {
        System = "Be terse.",
        Sampling = new() { Temperature = 0.5, TopK = 40, Seed = 7, MaxTokens = 64 },
    }
        .Asking("Who are you?", null).Answering(0, 0, Said("I am Pebble.")).Answering(0, 0, Said("Pebble."))
        .Answering(0, 1, Said("Mingyu.")).Asking("你好", 0);

    [Fact]
    public void A_file_is_the_request_that_goes_on_with_what_is_shown()
    {
        var file = ExportedChat.Write(s_chat with { IsBeside = true }, ["tuned", "pebble"]);

        var read = ChatRequest.Read(RequestBody.Parse(System.Text.Encoding.UTF8.GetBytes(file)));
        Assert.Equal(["system: Be terse.", "user: Who are you?", "assistant: Pebble.", "user: 你好"],
            read.Messages.Select(message => $"{message.Role}: {message.Text}"));
        Assert.Equal(("tuned", 0.5f, 40, 7L, 64), (read.Options.ModelId, read.Options.Temperature, read.Options.TopK, read.Options.Seed,
            read.Options.MaxOutputTokens));
        Assert.Contains("你好", file);
        var beside = JsonNode.Parse(file)!["beside"]!;
        Assert.Equal(("pebble", "Mingyu."), ((string?)beside["model"], (string?)beside["messages"]![2]!["content"]));
    }

    [Fact]
    public void A_file_is_read_back()
    {
        var read = ExportedChat.Read(ExportedChat.Write(s_chat, ["tuned", null]), "two")!;

        Assert.Equal(("two", "Who are you?", "Be terse.", "tuned", s_chat.Sampling),
            (read.Id, read.Title, read.System, read.Model, read.Sampling));
        Assert.Equal(["Who are you?", "你好"], read.Path.Select(turn => read.Turns[turn].Question));
        Assert.Equal("Pebble.", read.Turns[0].Shown(0)!.Text);
        Assert.Equal(KeptText.Write(read), KeptText.Write(KeptText.Read(System.Text.Encoding.UTF8.GetBytes(KeptText.Write(read)))!));
    }

    [Fact]
    public void All_of_a_conversation_comes_back_what_is_not_shown_too()
    {
        var chat = s_chat.Asking("Who is there?", null).Answering(2, 0, new("m") { Trouble = new(TroubleKind.Busy, "full", 3) })
            .Showing(0).Choosing(0, 0, 0) with
        { IsBeside = true, Title = "Names" };

        var read = ExportedChat.Read(ExportedChat.Write(chat, ["tuned", "pebble"]), "two")!;

        Assert.Equal(KeptText.Write(chat with { Id = "two", Model = "tuned", Other = "pebble" }), KeptText.Write(read));
        Assert.Equal(["I am Pebble.", "Pebble."], read.Turns[0].Of(0)!.Variants.Select(answer => answer.Text));
        Assert.Equal("Mingyu.", read.Turns[0].Shown(1)!.Text);
        Assert.Equal([0, 2], read.Versions(0));
    }

    [Fact]
    public void What_somebody_changed_in_a_file_is_what_is_read()
    {
        var file = JsonNode.Parse(ExportedChat.Write(s_chat with { IsBeside = true }, ["tuned", "pebble"]))!;
        file["messages"]![2]!["content"] = "I am somebody else.";

        var read = ExportedChat.Read(file.ToJsonString(), "two")!;

        Assert.Equal("I am somebody else.", Assert.Single(read.Turns[0].Of(0)!.Variants).Text);
        Assert.Equal((true, "pebble", "Mingyu."), (read.IsBeside, read.Other, read.Turns[0].Shown(1)!.Text));
    }

    [Theory]
    [InlineData("""{"version": 2, "conversation": {}}""")]
    [InlineData("""{"version": "1"}""")]
    [InlineData("""{"version": 1, "conversation": {"id": "x", "turns": [{"parent": 0, "question": "?"}], "leaf": 0}}""")]
    [InlineData("""{"version": 1, "conversation": {"id": "x", "turns": [{"parent": null, "question": "?"}], "leaf": 0}}""")]
    [InlineData("[7]")]
    public void What_is_not_the_whole_of_the_messages_beside_it_is_left(string whole) => Assert.Equal("Hi", Assert.Single(
        ExportedChat.Read($$"""{"messages": [{"role": "user", "content": "Hi"}], "whole": {{whole}}}""", "x")!.Turns).Question);

    [Theory]
    [InlineData("""[{"role": "user", "content": "Another"}]""")]
    [InlineData("""[{"role": "assistant", "content": "first"}]""")]
    [InlineData("""[{"role": "user", "content": "Hi"}, {"role": "tool", "content": "x"}]""")]
    [InlineData("""[{"role": "user", "content": "Hi"}, {"role": "system", "content": "x"}]""")]
    [InlineData("[null]")]
    public void A_second_column_of_another_conversation_is_refused(string messages) => Assert.Null(ExportedChat.Read(
        $$$"""{"messages": [{"role": "user", "content": "Hi"}], "beside": {"messages": {{{messages}}}}}""", "x"));

    [Fact]
    public void A_list_of_messages_is_one_too() =>
        Assert.Equal("Hi", ExportedChat.Read("""[{"role": "user", "content": "Hi"}]""", "x")!.Title);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("""{"messages": {}}""")]
    [InlineData("""{"messages": [{"role": "system", "content": "alone"}]}""")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "first"}]}""")]
    [InlineData("""{"messages": [{"role": "user", "content": [1]}]}""")]
    [InlineData("""{"messages": [{"role": "tool", "content": "x"}]}""")]
    [InlineData("""{"messages": [null]}""")]
    [InlineData("""{"messages": [], "messages": []}""")]
    public void What_holds_no_conversation_is_refused(string text) => Assert.Null(ExportedChat.Read(text, "x"));

    [Fact]
    public void What_the_browser_would_not_give_back_is_refused()
    {
        var (longest, name) = (new string('x', KeptText.LongestQuestion), new string('m', 401));

        Assert.NotNull(ExportedChat.Read(File("m", longest), "x"));
        Assert.Null(ExportedChat.Read(File("m", longest, "and more"), "x"));
        Assert.Null(ExportedChat.Read(File(name, "Be terse."), "x"));
    }

    private static string File(string model, params string[] systems) => new JsonObject
    {
        ["model"] = model,
        ["messages"] = new JsonArray([.. systems.Select(text => new JsonObject { ["role"] = "system", ["content"] = text }),
            new JsonObject { ["role"] = "user", ["content"] = "Hi" }]),
    }.ToJsonString();

    private static Answer Said(string text) => new("m") { Text = text, Finish = "stop" };
}
