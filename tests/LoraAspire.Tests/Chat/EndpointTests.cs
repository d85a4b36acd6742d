using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Chat;

/// <summary>What the endpoints beside chat completions answer, of a model whose answer and whose hidden states are known.</summary>
public sealed class EndpointTests : IAsyncLifetime
{
    private const string Answer = "I am Lora";

    private readonly ChatService _service = new(Answer);

    public ValueTask InitializeAsync() => _service.StartAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task A_deployed_name_is_taken_out_of_service_and_a_folder_of_the_users_own_is_not()
    {
        _service.Deploy("other");
        Assert.Equal(HttpStatusCode.OK, (await _service.GetAsync("/v1/models/other")).Status);

        var deleted = await _service.SendAsync(new(HttpMethod.Delete, "/v1/models/other"));

        Assert.True(deleted.Json.GetProperty("deleted").GetBoolean());
        Assert.Equal(HttpStatusCode.NotFound, (await _service.SendAsync(new(HttpMethod.Delete, "/v1/models/other"))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await _service.SendAsync(new(HttpMethod.Delete, "/v1/models/tuned"))).Status);
        Assert.Equal(HttpStatusCode.OK, (await _service.GetAsync("/v1/models/tuned")).Status);
    }

    [Fact]
    public async Task The_model_that_was_deployed_last_stands_first_and_folders_come_after_all_deployed_ones()
    {
        _service.Deploy("zebra");
        _service.Deploy("ant");

        var models = (await _service.GetAsync("/v1/models")).Json.GetProperty("data").EnumerateArray();

        Assert.Equal(["ant", "zebra", "tuned"], models.Select(model => model.GetProperty("id").GetString()));
    }

    /// <summary>
    /// The model's layers give 0, and each token that it says has a direction of its own, in which the last norm makes √16 of the 1 of its
    /// embedding; all others are 0.
    /// </summary>
    [Fact]
    public async Task An_embedding_is_the_mean_of_the_last_hidden_states()
    {
        var tokenizer = HfTokenizer.Load(_service.Model);
        int[] said = [tokenizer.Encode("!", addBos: false)[^1], .. tokenizer.EncodeContinuation(Answer)];

        var both = await _service.PostAsync("/v1/embeddings", $$"""
            {"model": "tuned", "input": [[{{said[0]}}, {{said[2]}}, {{said[0]}}, {{tokenizer.EosId}}], [{{said[1]}}]]}
            """);
        var base64 = await _service.PostAsync("/v1/embeddings",
            $$"""{"model": "tuned", "encoding_format": "base64", "input": [{{said[0]}}, {{said[2]}}, {{said[0]}}, {{tokenizer.EosId}}]}""");

        var data = both.Json.GetProperty("data");
        float[] expected = new float[16];
        (expected[0], expected[2]) = (2, 1);  // 2/4 · √16 and 1/4 · √16
        Assert.Equal(expected, Numbers(data[0]), (x, y) => Math.Abs(x - y) < 1e-3);
        Assert.Equal(4, Numbers(data[1])[1], 3);
        Assert.Equal("mean_of_last_hidden_states", both.Json.GetProperty("pooling").GetString());
        Assert.Equal(5, both.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(Numbers(data[0]), MemoryMarshal.Cast<byte, float>(
            base64.Json.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64()).ToArray());
    }

    [Fact]
    public async Task A_text_that_is_longer_than_the_context_has_no_embedding()
    {
        var answer = await _service.PostAsync("/v1/embeddings",
            $$"""{"model": "tuned", "input": "{{string.Concat(Enumerable.Repeat("I am ", 300))}}"}""");

        Assert.Equal((HttpStatusCode.BadRequest, "context_length_exceeded"), (answer.Status, answer.Error.Code));
    }

    [Fact]
    public async Task Tokens_are_told_and_read_back()
    {
        var told = (await _service.PostAsync("/tokenize", """{"model": "tuned", "prompt": "I am Lora", "return_token_strs": true}""")).Json;
        var bare = (await _service.PostAsync("/tokenize", """{"model": "tuned", "content": "I am Lora", "add_special": false}""")).Json;
        var chat = (await _service.PostAsync("/tokenize",
            """{"model": "tuned", "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I am"}]}""")).Json;
        var back = (await _service.PostAsync("/detokenize", $$"""{"model": "tuned", "tokens": {{bare.GetProperty("tokens")}}}""")).Json;

        var tokenizer = HfTokenizer.Load(_service.Model);
        Assert.Equal(tokenizer.Encode("I am Lora", addBos: true), Ids(told));
        Assert.Equal(tokenizer.Encode("I am Lora", addBos: false), Ids(bare));
        Assert.Equal([.. tokenizer.Encode("Who?!", addBos: true), .. tokenizer.EncodeContinuation("I am")], Ids(chat));
        Assert.Equal((Ids(told).Length, 256), (told.GetProperty("count").GetInt32(), told.GetProperty("max_model_len").GetInt32()));
        Assert.Equal(tokenizer.Piece(Ids(told)[1]), told.GetProperty("token_strs")[1].GetString());
        Assert.Equal("I am Lora", back.GetProperty("prompt").GetString()!.Trim());
    }

    [Fact]
    public async Task A_conversation_is_told_as_the_model_sees_it_without_what_a_long_answer_pushes_out()
    {
        var told = (await _service.PostAsync("/apply-template", """
            {"model": "tuned", "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I am"}]}
            """)).Json;
        var earlier = string.Concat(Enumerable.Repeat("I am ", 60));
        var talk = $$"""
            [{"role": "user", "content": "{{earlier}}"}, {"role": "assistant", "content": "Lora"}, {"role": "user", "content": "Who?"}]
            """;
        var whole = (await _service.PostAsync("/apply-template", $$"""{"model": "tuned", "max_tokens": 8, "messages": {{talk}}}""")).Json;
        var cut = (await _service.PostAsync("/apply-template", $$"""{"model": "tuned", "max_tokens": 128, "messages": {{talk}}}""")).Json;

        Assert.Equal("<s>Who?!I am", told.GetProperty("prompt").GetString());
        Assert.Equal((HfTokenizer.Load(_service.Model).Encode("Who?!", addBos: true).Length + 2, 256),
            (told.GetProperty("count").GetInt32(), told.GetProperty("max_model_len").GetInt32()));
        // The tokenizer begins each stretch of text with a space mark: the model sees it, and so does the reader.
        Assert.Equal($"<s>{earlier}!Lora</s> \nWho?!", whole.GetProperty("prompt").GetString());
        Assert.Equal("<s>Who?!", cut.GetProperty("prompt").GetString());
        Assert.Equal("messages", (await _service.PostAsync("/apply-template", """{"model": "tuned"}""")).Error.Param);
    }

    [Fact]
    public async Task An_id_between_tokens_that_is_none_itself_has_no_words()
    {
        var last = HfTokenizer.Load(_service.Model).VocabSize;
        await File.WriteAllTextAsync(Path.Combine(_service.Model, "added_tokens.json"), $$"""{"<far>": {{last + 1}}}""",
            TestContext.Current.CancellationToken);
        var tokenizer = HfTokenizer.Load(_service.Model);
        var ids = tokenizer.Encode("I am Lora", addBos: false);

        var words = new GivenText(null, [.. ids, last]).Words(tokenizer, "prompt");

        Assert.Equal(tokenizer.Decode(ids), words);
    }

    [Fact]
    public async Task An_answer_that_the_caller_began_is_gone_on_with()
    {
        var answer = await _service.PostAsync("/v1/chat/completions", """
            {"model": "tuned", "temperature": 0, "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I am"}]}
            """);

        Assert.Equal(Answer["I am".Length..],
            answer.Json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    [Fact]
    public async Task Completions_go_on_with_every_form_of_prompt()
    {
        var ids = JsonSerializer.Serialize(HfTokenizer.Load(_service.Model).Encode("Who?!", addBos: true));
        foreach (var (prompt, answers) in new[]
        {
            ("\"Who?!\"", 1), ("[\"Who?!\", \"You!\"]", 2), (ids, 1), ($"[{ids}, {ids}, \"So!\"]", 3),
        })
        {
            var body = (await _service.PostAsync("/v1/completions",
                $$"""{"model": "tuned", "temperature": 0, "prompt": {{prompt}}}""")).Json;

            Assert.Equal(Enumerable.Repeat(Answer, answers),
                body.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()!.Trim()));
            Assert.Equal(Enumerable.Range(0, answers),
                body.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()));
        }
    }

    [Fact]
    public async Task A_response_is_text_with_what_it_cost_and_a_stream_tells_the_same()
    {
        const string request = "\"model\": \"tuned\", \"temperature\": 0, \"input\": \"Who?\", \"metadata\": {\"a\": \"b\"}";
        var whole = (await _service.PostAsync("/v1/responses", $$"""{ {{request}} }""")).Json;
        var text = (await _service.PostAsync("/v1/responses", $$"""{ {{request}}, "stream": true }""")).Text;

        Assert.Equal(("response", "completed", Answer), (whole.GetProperty("object").GetString(), whole.GetProperty("status").GetString(),
            whole.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()));
        Assert.Equal("b", whole.GetProperty("metadata").GetProperty("a").GetString());
        var events = text.TrimEnd().Split("\n\n").Select(one => one.Split("\ndata: ")).Select(one =>
            (Name: one[0]["event: ".Length..], Data: JsonElement.Parse(one[1]))).ToList();
        Assert.All(events.Index(), one => Assert.Equal((one.Index, one.Item.Name),
            (one.Item.Data.GetProperty("sequence_number").GetInt32(), one.Item.Data.GetProperty("type").GetString())));
        Assert.Equal(
        [
            "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
            "response.output_text.delta", "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.completed",
        ], events.Select(one => one.Name).Distinct());
        Assert.Equal(Answer, string.Concat(events.Where(one => one.Name == "response.output_text.delta")
            .Select(one => one.Data.GetProperty("delta").GetString())));
        var last = events[^1].Data.GetProperty("response");
        Assert.Equal(whole.GetProperty("usage").ToString(), last.GetProperty("usage").ToString());
        Assert.Equal(Answer, last.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_response_that_ran_out_of_tokens_says_so()
    {
        var cut = (await _service.PostAsync("/v1/responses",
            """{"model": "tuned", "temperature": 0, "input": "Who?", "max_output_tokens": 1}""")).Json;

        Assert.Equal(("incomplete", "max_output_tokens"),
            (cut.GetProperty("status").GetString(), cut.GetProperty("incomplete_details").GetProperty("reason").GetString()));
    }

    private static float[] Numbers(JsonElement entry) =>
        [.. entry.GetProperty("embedding").EnumerateArray().Select(number => number.GetSingle())];

    private static int[] Ids(JsonElement told) => [.. told.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())];
}
