using LoraAspire.Chat.Answers;
using LoraAspire.Chat.Requests;
using LoraAspire.Chat.Streaming;
using Microsoft.Extensions.AI;

namespace LoraAspire.Chat.OpenAi;

/// <summary>POST /v1/responses: OpenAI's newer API, as far as it is text in and text out. Nothing is stored.</summary>
public static class ResponsesEndpoint
{
    public const string Path = "/v1/responses";

    public static void MapResponses(this WebApplication app) =>
        app.MapPost(Path, async Task<IResult> (HttpContext http, IChatClient client, TimeProvider clock) =>
        {
            var body = await RequestBody.ReadAsync(http.Request);
            var request = ResponseRequest.Read(body);
            http.Response.Warn(body.Warnings());
            Prompted prompted = new();
            request.Options.Prompted = prompted.Say;
            var begun = ResponseObject.Begun(request, $"resp_{Guid.NewGuid():N}", clock.GetUtcNow().ToUnixTimeSeconds());
            var item = ResponseItem.Begun($"msg_{Guid.NewGuid():N}");
            var updates = client.GetStreamingResponseAsync(request.Messages, request.Options, http.RequestAborted);
            if (request.Stream)
            {
                return new StreamResult(new ResponseEvents(begun, item).OfAsync(updates), StreamResult.Events, prompted);
            }
            var answers = await CollectedAnswers.OfAsync(updates);
            http.Response.Warn(prompted.Warnings);
            return OpenAiJson.Answer(begun.Ended(item, answers));
        });
}
